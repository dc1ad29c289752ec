// What a customer checks alone: that his own equity is under the published root.
import { documentOf, field, fromHex, isBoolean, isHash, isList, isSalt, isText, isWhole, only } from './bytes.js';
import { generators } from './generators.js';
import { combine, decode, readScalar } from './group.js';
import { refuseUnless } from './refused.js';
import { isRoot, joined, leafOf, salted } from './tree.js';

/** Refuses unless the path leads from the account's own equity, a `bigint`, to `root` of the publication. */
export function verifyInclusion(document, root, expected) {
  const names = ['venue', 'epoch', 'account', 'salt', 'book', 'equity', 'blinding', 'path', 'root'];
  documentOf(document, 'plimsoll.inclusion', names);
  for (const name of ['venue', 'epoch', 'account']) {
    refuseUnless(field(document, name, isText) === expected[name], `it speaks of another ${name}`);
  }
  const equity = field(document, 'equity', (v) => isWhole(v) && v >= 0n);
  refuseUnless(equity === expected.equity, 'it speaks of another equity');
  const base = generators(2);
  const blinding = readScalar(fromHex(field(document, 'blinding', isHash)));
  const total = combine([base.value, base.blinding], [equity, blinding]);
  const id = salted(fromHex(field(document, 'salt', isSalt)), expected.account);
  const path = field(document, 'path', isList);
  refuseUnless(path.length <= 64, 'a path of more than 64 steps');
  let node = leafOf(id, fromHex(field(document, 'book', isHash)), total);
  for (const step of path) {
    only(step, ['hash', 'total', 'on_left']);
    const other = {
      digest: fromHex(field(step, 'hash', isHash)),
      total: decode(fromHex(field(step, 'total', isText))),
    };
    node = field(step, 'on_left', isBoolean) ? joined(other, node) : joined(node, other);
  }
  refuseUnless(isRoot(node, root), 'its path does not lead to the published root');
}
