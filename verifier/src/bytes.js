// Bytes, and the fields of documents that hold them.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonical } from './json.js';
import { refuseUnless } from './refused.js';

export { bytesToHex, concatBytes, sha256, utf8ToBytes };

/** Bytes of lower-case hexadecimal text, the only spelling that is read. */
export function fromHex(text) {
  refuseUnless(typeof text === 'string' && /^(?:[0-9a-f]{2})+$/.test(text), 'text that is not lower-case hexadecimal');
  return hexToBytes(text);
}

/** `number` in `width` bytes, the most significant first; two's complement if it is negative. */
export function integerBytes(number, width) {
  let left = BigInt.asUintN(8 * width, BigInt(number));
  const found = new Uint8Array(width);
  for (let i = width - 1; i >= 0; i -= 1) {
    found[i] = Number(left & 0xffn);
    left >>= 8n;
  }
  return found;
}

export function integerOf(bytes) {
  return BigInt(`0x${bytesToHex(bytes) || '0'}`);
}

/** The hash of a document: of its canonical JSON. */
export function documentHash(document) {
  return `sha256:${bytesToHex(sha256(utf8ToBytes(canonical(document))))}`;
}

/** A field of a document that must be there and pass a test. */
export function field(document, name, holds) {
  refuseUnless(document instanceof Map && document.has(name), `${name}: is missing`);
  const value = document.get(name);
  refuseUnless(holds(value), `${name}: is not what a document of this kind has there`);
  return value;
}

export function only(document, names) {
  refuseUnless(document instanceof Map, 'no document');
  for (const name of document.keys()) refuseUnless(names.includes(name), `${name}: a field that nobody knows`);
}

export const isText = (value) => typeof value === 'string' && value.length > 0;
export const isList = (value) => Array.isArray(value);
export const isWhole = (value) => typeof value === 'bigint';
export const isBoolean = (value) => typeof value === 'boolean';
export const isHash = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
export const isSalt = (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);

export const UNAUDITED = 'unaudited: no cryptographer from outside has reviewed these proofs';

/** A document of one kind and version, with these fields and no others. */
export function documentOf(value, schema, names, { labelled = true } = {}) {
  const label = labelled ? ['unaudited'] : [];
  only(value, ['schema', 'schema_version', ...label, ...names]);
  refuseUnless(field(value, 'schema', isText) === schema, `schema: not ${schema}`);
  refuseUnless(field(value, 'schema_version', isWhole) === 1n, 'schema_version: not 1');
  if (labelled) refuseUnless(field(value, 'unaudited', isText) === UNAUDITED, 'unaudited: another label');
}
