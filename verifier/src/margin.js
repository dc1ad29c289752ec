// A proof that an account's collateral covers its margin, against rows that the verifier has from elsewhere.
import { bytesToHex, documentOf, field, fromHex, isList, isText, utf8ToBytes } from './bytes.js';
import { decode } from './group.js';
import { canonical } from './json.js';
import { verifyRanges } from './ranges.js';
import { refuseUnless } from './refused.js';
import { rowsOf } from './rows.js';

const SCHEMA = 'plimsoll.margin-proof';

/**
 * Refuses unless the proof holds for `rows` (a `plimsoll.rows` document) and speaks of `expected`, an object with
 * `venue`, `account` and `epoch`. `book`, if there is one, is the `plimsoll.committed-book` that the venue signed: the
 * proof is held to all of it, since the same commitments under other names or in other units are another book.
 */
export function verifyMargin(document, rows, expected, book = null) {
  documentOf(document, SCHEMA, ['terms', 'commitments', 'proof']);
  const terms = field(document, 'terms', (v) => v instanceof Map);
  for (const name of ['venue', 'account', 'epoch']) {
    refuseUnless(field(terms, name, isText) === expected[name], `it speaks of another ${name}`);
  }
  const own = rowsOf(rows);
  const digest = `sha256:${bytesToHex(own.digest())}`;
  refuseUnless(field(terms, 'rows', isText) === digest, 'terms.rows does not follow from the rows');
  checkNames(terms, own);
  const commitments = field(document, 'commitments', isList).map(fromHex);
  if (book !== null) checkBook(book, terms, commitments);
  verifyRanges([
    {
      rows: own,
      commitments: commitments.map(decode),
      context: contextOf(terms),
      proof: fromHex(field(document, 'proof', isText)),
    },
  ]);
}

/** The variables of the rows begin with the instruments and assets that the terms name. */
function checkNames(terms, rows) {
  const instruments = field(terms, 'instruments', (v) => isList(v) && v.every(isText));
  const assets = field(terms, 'collateral', (v) => isList(v) && v.length > 0).map((p) => field(p, 'asset', isText));
  const named = [...instruments.map((name) => `position ${name}`), ...assets.map((name) => `collateral ${name}`)];
  refuseUnless(
    named.length <= rows.variables.length && named.every((name, j) => rows.variables[j] === name),
    'the rows are not over the instruments and assets of the terms',
  );
}

function checkBook(book, terms, commitments) {
  const names = ['venue', 'account', 'epoch', 'instruments', 'quantity_decimals'];
  documentOf(book, 'plimsoll.committed-book', [...names, 'assets', 'asset_decimals', 'commitments'], {
    labelled: false,
  });
  const pledged = terms.get('collateral');
  const length = terms.get('instruments').length + pledged.length;
  const same = (name, spoken, words) => {
    refuseUnless(canonical(field(book, name, () => true)) === canonical(spoken), words);
  };
  const spoken = commitments.slice(0, length).map((v) => bytesToHex(v));
  same('commitments', spoken, 'its commitments are not those of the book');
  for (const name of names) same(name, field(terms, name, () => true), `the book has another ${name}`);
  for (const [name, own] of [['assets', 'asset'], ['asset_decimals', 'decimals']]) {
    same(name, pledged.map((p) => field(p, own, () => true)), `the book has another ${name}`);
  }
}

function contextOf(terms) {
  return utf8ToBytes(canonical(new Map([...terms, ['schema', SCHEMA], ['schema_version', 1n]])));
}
