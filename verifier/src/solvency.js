// The publication of a venue: equities follow from books, are in range, add up within the reserves; open interest
// balances; the root is that of the leaves.
import {
  documentOf, field, fromHex, isBoolean, isHash, isList, isSalt, isText, isWhole, only, utf8ToBytes,
} from './bytes.js';
import { combine, decode, Point, weight } from './group.js';
import { canonical } from './json.js';
import { verifyRanges } from './ranges.js';
import { refuseUnless } from './refused.js';
import { Rows } from './rows.js';
import { bookDigest, isRoot, leafOf, topOf } from './tree.js';

const SCHEMA = 'plimsoll.solvency';
const TOGETHER = 2 ** 13;
const TOTAL_BITS = 64;

/** Refuses unless the publication holds and speaks of `expected`, an object with `venue` and `epoch`. */
export function verifySolvency(document, expected) {
  documentOf(document, SCHEMA, ['terms', 'leaves', 'root', 'ranges', 'totals']);
  const terms = termsOf(field(document, 'terms', (v) => v instanceof Map));
  for (const name of ['venue', 'epoch']) refuseUnless(terms[name] === expected[name], `it speaks of another ${name}`);
  const written = field(document, 'leaves', isList);
  const leaves = written.map((leaf) => leafFrom(leaf, terms));
  const ids = new Set(leaves.map((leaf) => leaf.id));
  const spoken = leaves.flatMap((leaf) => leaf.texts);
  refuseUnless(
    ids.size === leaves.length && new Set(spoken).size === spoken.length,
    'an account that stands there twice',
  );
  checkMap(terms, leaves);
  terms.instruments.forEach(({ name }, j) => {
    const net = leaves.reduce((sum, leaf) => sum.add(leaf.book[j]), Point.ZERO);
    refuseUnless(net.is0(), `open interest in ${name} does not balance`);
  });
  const counted = leaves.filter((leaf) => !leaf.under);
  refuseUnless(counted.length > 0, 'no account that counts');
  const root = field(document, 'root', (v) => v instanceof Map);
  only(root, ['hash', 'total']);
  const top = topOf(counted.map((leaf) => leafOf(fromHex(leaf.id), bookDigest(leaf.texts.map(fromHex)), leaf.equity)));
  refuseUnless(isRoot(top, root), 'the root is not that of the leaves');
  const context = utf8ToBytes(
    canonical(
      new Map([['schema', SCHEMA], ['schema_version', 1n], ['terms', document.get('terms')], ['leaves', written]]),
    ),
  );
  const ranges = field(document, 'ranges', (v) => isList(v) && v.every(isText)).map(fromHex);
  const totals = fromHex(field(document, 'totals', isText));
  verifyRanges([...rangeClaims(terms, leaves, context, ranges), totalClaim(terms, leaves, context, totals)]);
}

function termsOf(terms) {
  const names = ['currency', 'decimals', 'quantity_decimals', 'instruments', 'assets', 'bits'];
  only(terms, ['venue', 'epoch', 'nonce', ...names]);
  field(terms, 'nonce', isSalt);
  const within = (low, high) => (v) => isWhole(v) && v >= low && v <= high;
  const instruments = field(terms, 'instruments', isList).map((item) => {
    only(item, ['name', 'mark']);
    return { name: field(item, 'name', isText), mark: field(item, 'mark', within(-(1n << 100n), 1n << 100n)) };
  });
  const assets = field(terms, 'assets', (v) => isList(v) && v.length > 0).map((item) => {
    only(item, ['name', 'decimals', 'value', 'reserve']);
    return {
      name: field(item, 'name', isText),
      value: field(item, 'value', within(0n, 1n << 60n)),
      reserve: field(item, 'reserve', within(0n, (1n << 63n) - 1n)),
    };
  });
  for (const list of [instruments, assets]) {
    refuseUnless(new Set(list.map((item) => item.name)).size === list.length, 'a name that stands there twice');
  }
  return {
    venue: field(terms, 'venue', isText),
    epoch: field(terms, 'epoch', isText),
    bits: Number(field(terms, 'bits', within(8n, 56n))),
    instruments,
    assets,
    map: [...instruments.map((item) => item.mark), ...assets.map((item) => item.value)],
    worth: assets.reduce((sum, item) => sum + item.value * item.reserve, 0n),
  };
}

function leafFrom(leaf, terms) {
  only(leaf, ['id', 'equity', 'commitments', 'under', 'owed']);
  const texts = field(leaf, 'commitments', (v) => isList(v) && v.every(isText));
  refuseUnless(texts.length === terms.map.length, `${texts.length} commitments in a leaf, not ${terms.map.length}`);
  const owed = field(leaf, 'owed', isList);
  const known = terms.assets.map((item) => item.name);
  const fit = new Set(owed).size === owed.length && owed.every((name) => known.includes(name));
  refuseUnless(fit, 'a leaf that owes what is no asset');
  return {
    id: field(leaf, 'id', isHash),
    under: field(leaf, 'under', isBoolean),
    equity: decode(fromHex(field(leaf, 'equity', isText))),
    book: texts.map((text) => decode(fromHex(text))),
    texts,
    owed,
  };
}

/** `E = sum_j map_j V_j` of every account at once, each with a weight of its own. */
function checkMap(terms, leaves) {
  const points = [];
  const scalars = [];
  for (const leaf of leaves) {
    const own = weight();
    points.push(...leaf.book, leaf.equity);
    scalars.push(...terms.map.map((m) => own * m), -own);
  }
  refuseUnless(combine(points, scalars).is0(), 'an equity that does not follow from its book');
}

/** Equities and balances in the order of the leaves, each under the sign that it is listed with. */
function rangeClaims(terms, leaves, context, proofs) {
  const first = terms.instruments.length;
  const numbers = leaves.flatMap((leaf) => [
    { sign: leaf.under ? -1n : 1n, point: leaf.equity },
    ...terms.assets.map(({ name }, a) => ({ sign: leaf.owed.includes(name) ? -1n : 1n, point: leaf.book[first + a] })),
  ]);
  const count = Math.floor(TOGETHER / terms.bits);
  const claims = [];
  for (let start = 0; start < numbers.length; start += count) {
    const part = numbers.slice(start, start + count);
    const rows = new Rows(
      part.map((_, j) => `number ${start + j}`),
      part.map(({ sign }, j) => ({ width: terms.bits, offset: 0n, terms: [[j, sign]] })),
    );
    claims.push({ rows, commitments: part.map(({ point }) => point), context });
  }
  refuseUnless(claims.length === proofs.length, `${proofs.length} proofs of ranges, not ${claims.length}`);
  return claims.map((claim, i) => ({ ...claim, proof: proofs[i] }));
}

/** `0 <= sum` and `sum <= reserves`, of the equities and of each asset. */
function totalClaim(terms, leaves, context, proof) {
  const first = terms.instruments.length;
  const names = ['equity', ...terms.assets.map((item) => item.name)];
  const reserves = [terms.worth, ...terms.assets.map((item) => item.reserve)];
  const rows = reserves.flatMap((reserve, j) => {
    const width = j === 0 ? Math.max(TOTAL_BITS, reserve === 0n ? 0 : reserve.toString(2).length) : TOTAL_BITS;
    return [{ width, offset: 0n, terms: [[j, 1n]] }, { width, offset: reserve, terms: [[j, -1n]] }];
  });
  const sums = names.map((name, j) =>
    leaves
      .filter((leaf) => (j === 0 ? !leaf.under : !leaf.owed.includes(name)))
      .reduce((sum, leaf) => sum.add(j === 0 ? leaf.equity : leaf.book[first + j - 1]), Point.ZERO),
  );
  return { rows: new Rows(names.map((name) => `sum of ${name}`), rows), commitments: sums, context, proof };
}
