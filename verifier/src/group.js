// G1 of BLS12-381: elements with one encoding each, and numbers modulo the order.
import { pippenger } from '@noble/curves/abstract/curve.js';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bytesToHex, integerOf } from './bytes.js';
import { Refused, refuseUnless } from './refused.js';

export const NAME = 'BLS12-381 G1';
export const ORDER = bls12_381.fields.Fr.ORDER;
export const Point = bls12_381.G1.Point;
export const field = bls12_381.fields.Fr;
const WIDTH = 48;

export function modulo(number) {
  return ((number % ORDER) + ORDER) % ORDER;
}

/** The element that bytes encode: on the curve, of the subgroup, not the identity, in the one encoding. */
export function decode(bytes) {
  refuseUnless(bytes.length === WIDTH, `an element of ${bytes.length} bytes, not ${WIDTH}`);
  let point;
  try {
    point = Point.fromBytes(bytes);
    point.assertValidity();
  } catch {
    throw new Refused('an element that is not in the group');
  }
  refuseUnless(!point.is0(), 'the identity as an element');
  refuseUnless(point.isTorsionFree(), 'an element that is not in the subgroup');
  refuseUnless(bytesToHex(point.toBytes(true)) === bytesToHex(bytes), 'an element that is not encoded canonically');
  return point;
}

export function encode(point) {
  return point.is0() ? identityBytes() : point.toBytes(true);
}

function identityBytes() {
  const found = new Uint8Array(WIDTH);
  found[0] = 0xc0;
  return found;
}

export function readScalar(bytes) {
  const number = integerOf(bytes);
  refuseUnless(bytes.length === 32 && number < ORDER, 'a scalar that is not canonical');
  return number;
}

/** `sum_i scalars[i] points[i]`. */
export function combine(points, scalars) {
  const kept = points.map((point, i) => [point, modulo(scalars[i])]).filter(([point, n]) => n !== 0n && !point.is0());
  if (kept.length === 0) return Point.ZERO;
  return pippenger(Point, kept.map(([point]) => point), kept.map(([, n]) => n));
}

/** A number from 1 to `2^128` that nobody can foresee: weights with which equations are added up. */
export function weight() {
  return integerOf(crypto.getRandomValues(new Uint8Array(16))) + 1n;
}
