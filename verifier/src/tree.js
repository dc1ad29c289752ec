// The Merkle tree whose nodes commit to sums.
import { bytesToHex, concatBytes, sha256, utf8ToBytes } from './bytes.js';
import { encode } from './group.js';

const hash = (tag, ...parts) => sha256(concatBytes(new Uint8Array([tag]), ...parts));

export const salted = (salt, name) => hash(2, salt, utf8ToBytes(name));
export const bookDigest = (commitments) => hash(3, ...commitments);

export function leafOf(id, book, total) {
  return { digest: hash(0, id, book, encode(total)), total };
}

export function joined(left, right) {
  const digest = hash(1, left.digest, encode(left.total), right.digest, encode(right.total));
  return { digest, total: left.total.add(right.total) };
}

export function topOf(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(joined(level[i], level[i + 1]));
    if (level.length % 2 === 1) above.push(level[level.length - 1]);
    level = above;
  }
  return level[0];
}

export function isRoot(node, root) {
  return bytesToHex(node.digest) === root.get('hash') && bytesToHex(encode(node.total)) === root.get('total');
}
