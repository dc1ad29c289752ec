// Generators: derived one by one, or read from a file that is held to a pinned hash.
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bytesToHex, concatBytes, integerBytes, integerOf, sha256, utf8ToBytes } from './bytes.js';
import { Point } from './group.js';
import { refuseUnless } from './refused.js';

const TAG = 'PLIMSOLL-PROOFS-V1-BLS12381G1_XMD:SHA-256_SSWU_RO_';
/** SHA-256 of the first `192 L` bytes of the file, by `L`. */
const PINNED = new Map([
  [1024, 'adf7b80362284fec63375876446ac08ba67b02ee7b034948539840481cb7491a'],
  [2048, '82aa0a0537a013652e0aa591a703e97c9a2ce6c6f6e4b1358e4aee7f06f945f2'],
  [4096, '5532e3a9d66a6ff843d775496211dcb77acdbfd8feeeca00ef2947b65a1dbdb5'],
  [8192, '02fe819d4d1cbb33e4a4ee129c31e09ec1308b3c5763ff93759e21434a6b5f0f'],
  [16384, '2c340885c9a3cf966ab901258783407523403bf9296161a9aeba8e746796d37d'],
  [32768, '1804f6669aeeb84ed8cdbecdb0bc4ad9aff08517d30aaf927c205c6d572a8d76'],
  [65536, '903b926a0c0bd3483cdc981e66079be6c0ee9f3b683f6fd2f7003e26d8b29fb3'],
]);
const held = new Map();
let file = null;

/** Hand over what may be the file of generators: nothing of it is believed before its hash. */
export function offerFile(bytes) {
  file = bytes;
}

function derive(name, index) {
  const message = concatBytes(utf8ToBytes(name), integerBytes(index, 4));
  return Point.fromAffine(bls12_381.G1.hashToCurve(message, { DST: TAG }).toAffine());
}

function fromFile(size) {
  if (file === null || file.length < 192 * size) return null;
  const part = file.subarray(0, 192 * size);
  refuseUnless(bytesToHex(sha256(part)) === PINNED.get(size), 'a file of generators that has not the pinned hash');
  const left = [];
  const right = [];
  for (let at = 0; at < part.length; at += 96) {
    const x = integerOf(part.subarray(at, at + 48));
    const y = integerOf(part.subarray(at + 48, at + 96));
    ((at / 96) % 2 === 0 ? left : right).push(Point.fromAffine({ x, y }));
  }
  return { left, right };
}

/** `{value, blinding, product, left[size], right[size]}`. */
export function generators(size) {
  if (!held.has(size)) {
    let pairs = PINNED.has(size) ? fromFile(size) : null;
    if (pairs === null) {
      const numbers = Array.from({ length: size }, (_, i) => i);
      pairs = { left: numbers.map((i) => derive('left', i)), right: numbers.map((i) => derive('right', i)) };
    }
    held.set(size, {
      value: derive('value', 0),
      blinding: derive('blinding', 0),
      product: derive('product', 0),
      ...pairs,
    });
  }
  return held.get(size);
}
