// The aggregated range proof over rows: equations 65 and 67 of Bulletproofs (Buenz and others, 2018), section 4.2,
// with the inner product unrolled as in section 3.1, all of one proof or of many in one multiplication.
import { integerBytes, utf8ToBytes } from './bytes.js';
import { generators } from './generators.js';
import { combine, decode, encode, field as F, NAME, readScalar, weight } from './group.js';
import { refuseUnless } from './refused.js';
import { Transcript } from './transcript.js';

const WIDTH = 48;

function readProof(bytes, rows) {
  const length = 1 + WIDTH * (4 + 2 * rows.rounds) + 5 * 32;
  refuseUnless(bytes.length === length, `${bytes.length} bytes, not the ${length} of this statement`);
  refuseUnless(bytes[0] === 1, `version ${bytes[0]}, not 1`);
  let place = 1;
  const element = () => {
    const part = bytes.subarray(place, (place += WIDTH));
    return { bytes: part, point: decode(part) };
  };
  const number = () => {
    const part = bytes.subarray(place, (place += 32));
    return { bytes: part, number: readScalar(part) };
  };
  const [a, s, t1, t2] = [element(), element(), element(), element()];
  const [tau, mu, t] = [number(), number(), number()];
  const rounds = Array.from({ length: rows.rounds }, () => ({ left: element(), right: element() }));
  return { a, s, t1, t2, tau, mu, t, rounds, lastA: number().number, lastB: number().number };
}

function challengesOf({ rows, commitments, context }, proof) {
  const transcript = new Transcript();
  transcript.absorb('protocol', utf8ToBytes('plimsoll/range-proof/v1'));
  transcript.absorb('group', utf8ToBytes(NAME));
  transcript.absorb('context', context);
  transcript.absorb('rows', rows.digest());
  transcript.absorb('commitments', integerBytes(commitments.length, 4));
  for (const point of commitments) transcript.absorb('V', encode(point));
  transcript.absorb('A', proof.a.bytes);
  transcript.absorb('S', proof.s.bytes);
  const y = transcript.challenge('y');
  const z = transcript.challenge('z');
  transcript.absorb('T1', proof.t1.bytes);
  transcript.absorb('T2', proof.t2.bytes);
  const x = transcript.challenge('x');
  transcript.absorb('tau', proof.tau.bytes);
  transcript.absorb('mu', proof.mu.bytes);
  transcript.absorb('t', proof.t.bytes);
  const w = transcript.challenge('w');
  const u = proof.rounds.map(({ left, right }) => {
    transcript.absorb('L', left.bytes);
    transcript.absorb('R', right.bytes);
    return transcript.challenge('u');
  });
  return { y, z, x, w, u };
}

/** A sum of multiples of elements, grown term by term. */
class Sum {
  points = [];
  scalars = [];

  add(point, scalar) {
    this.points.push(point);
    this.scalars.push(scalar);
  }

  isNothing() {
    return combine(this.points, this.scalars).is0();
  }
}

/** Refuses unless every claim `{rows, commitments, context, proof}` holds, `proof` in bytes. */
export function verifyRanges(claims) {
  const largest = Math.max(...claims.map((claim) => claim.rows.size));
  const base = generators(largest);
  const onLeft = new Array(largest).fill(0n);
  const onRight = new Array(largest).fill(0n);
  const on = { value: 0n, blinding: 0n, product: 0n };
  const sum = new Sum();
  for (const claim of claims) addClaim(claim, sum, on, onLeft, onRight);
  for (const name of ['value', 'blinding', 'product']) sum.add(base[name], on[name]);
  base.left.forEach((point, i) => sum.add(point, onLeft[i]));
  base.right.forEach((point, i) => sum.add(point, onRight[i]));
  refuseUnless(sum.isNothing(), 'the equations of the proof do not hold');
}

/** One random weight times equation 65 and another times equation 67, right sides brought to the left. */
function addClaim(claim, sum, on, onLeft, onRight) {
  const { rows, commitments } = claim;
  const count = rows.variables.length;
  refuseUnless(commitments.length === count, `${commitments.length} commitments, not the ${count} of the statement`);
  const proof = readProof(claim.proof, rows);
  const { y, z, x, w, u } = challengesOf(claim, proof);
  const [first, second] = [weight(), weight()];
  const times = (...numbers) => numbers.reduce((a, b) => F.mul(a, b));

  // what the rows come to: z^(1+k) on row k, and on each of its bits that times a power of two
  const places = new Array(rows.size).fill(0n);
  const shares = new Array(count).fill(0n);
  let offset = 0n;
  let power = z;
  let bit = 0;
  for (const row of rows.rows) {
    power = F.mul(power, z);
    for (const [j, a] of row.terms) shares[j] = F.add(shares[j], F.mul(power, F.create(a)));
    offset = F.add(offset, F.mul(power, F.create(row.offset)));
    for (let e = 0, term = power; e < row.width; e += 1, term = F.add(term, term)) places[bit++] = term;
  }
  let sumOfPowers = 0n;
  for (let i = 0, p = 1n; i < rows.size; i += 1, p = F.mul(p, y)) sumOfPowers = F.add(sumOfPowers, p);
  const sumOfPlaces = places.reduce((a, b) => F.add(a, b), 0n);
  const delta = F.sub(F.mul(F.sub(z, F.mul(z, z)), sumOfPowers), F.mul(z, sumOfPlaces));

  // equation 65
  on.value = F.add(on.value, F.mul(first, F.sub(F.add(delta, offset), proof.t.number)));
  on.blinding = F.sub(on.blinding, F.mul(first, proof.tau.number));
  commitments.forEach((point, j) => sum.add(point, F.mul(first, shares[j])));
  sum.add(proof.t1.point, F.mul(first, x));
  sum.add(proof.t2.point, times(first, x, x));

  // equation 67
  sum.add(proof.a.point, second);
  sum.add(proof.s.point, F.mul(second, x));
  on.blinding = F.sub(on.blinding, F.mul(second, proof.mu.number));
  const product = F.sub(proof.t.number, F.mul(proof.lastA, proof.lastB));
  on.product = F.add(on.product, times(second, w, product));
  proof.rounds.forEach(({ left, right }, j) => {
    const square = F.mul(u[j], u[j]);
    sum.add(left.point, F.mul(second, square));
    sum.add(right.point, F.mul(second, F.inv(square)));
  });
  const s = unrolled(u);
  const back = F.inv(y);
  for (let i = 0, p = 1n; i < rows.size; i += 1, p = F.mul(p, back)) {
    const onG = F.add(z, F.mul(proof.lastA, s[i]));
    onLeft[i] = F.sub(onLeft[i], F.mul(second, onG));
    const onH = F.add(z, F.mul(p, F.sub(places[i], F.mul(proof.lastB, s[rows.size - 1 - i]))));
    onRight[i] = F.add(onRight[i], F.mul(second, onH));
  }
}

/** `s_i`: the product of `u_j` where the bit of `i` of round `j` is one and of `1 / u_j` where it is not. */
function unrolled(u) {
  let s = [1n];
  for (const forward of u) {
    const back = F.inv(forward);
    s = s.flatMap((c) => [F.mul(c, back), F.mul(c, forward)]);
  }
  return s;
}
