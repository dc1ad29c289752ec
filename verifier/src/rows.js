// Rows `0 <= a x + b < 2^width` over private integers, and the bound that keeps them from wrapping.
import { concatBytes, documentOf, field, integerBytes, isList, isWhole, only, sha256, utf8ToBytes } from './bytes.js';
import { ORDER } from './group.js';
import { refuseUnless } from './refused.js';

const WIDEST = 200;
const LARGEST = 65536;
const size = (number) => (number < 0n ? -number : number);

export class Rows {
  /** `variables`: names; `rows`: `{width, offset, terms: [[j, a], ...]}` by rising j, `a` never zero. */
  constructor(variables, rows) {
    this.variables = variables;
    this.rows = rows;
    refuseUnless(rows.length > 0, 'no rows');
    for (const { width, terms } of rows) {
      refuseUnless(width >= 1 && width <= WIDEST, 'a row of no allowed width');
      terms.forEach(([j, a], i) => {
        refuseUnless(j >= 0 && j < variables.length, 'a row of a variable that there is not');
        refuseUnless(a !== 0n && (i === 0 || terms[i - 1][0] < j), 'a row that is not written canonically');
      });
    }
    this.bits = rows.reduce((sum, row) => sum + row.width, 0);
    this.size = 2;
    while (this.size < this.bits) this.size *= 2;
    refuseUnless(this.size <= LARGEST, 'more bits than can be proved together');
    this.#checkBounds();
  }

  get rounds() {
    return Math.log2(this.size);
  }

  /** Every variable has a range, and no row can come round the order. */
  #checkBounds() {
    const bounds = new Map();
    const reach = ({ width, offset, terms }) =>
      (1n << BigInt(width)) + size(offset) + terms.reduce((sum, [j, a]) => sum + size(a) * (bounds.get(j) ?? 0n), 0n);
    let waiting = this.rows;
    for (;;) {
      const left = [];
      for (const row of waiting) {
        const unknown = row.terms.filter(([j]) => !bounds.has(j));
        if (unknown.length === 1 && size(unknown[0][1]) === 1n) bounds.set(unknown[0][0], reach(row));
        else if (unknown.length > 0) left.push(row);
      }
      if (left.length === waiting.length || left.length === 0) break;
      waiting = left;
    }
    this.variables.forEach((name, j) => refuseUnless(bounds.has(j), `${name} has no range`));
    for (const row of this.rows) refuseUnless(reach(row) < ORDER / 2n, 'a row that could wrap around the order');
  }

  digest() {
    const parts = [integerBytes(this.variables.length, 4), integerBytes(this.rows.length, 4)];
    for (const name of this.variables) {
      const text = utf8ToBytes(name);
      parts.push(integerBytes(text.length, 2), text);
    }
    for (const { width, offset, terms } of this.rows) {
      parts.push(integerBytes(width, 2), integerBytes(offset, 32), integerBytes(terms.length, 4));
      for (const [j, a] of terms) parts.push(integerBytes(j, 4), integerBytes(a, 32));
    }
    return sha256(concatBytes(...parts));
  }
}

function decimal(text) {
  refuseUnless(typeof text === 'string' && /^(?:0|-?[1-9][0-9]*)$/.test(text), 'a number that is no decimal text');
  const number = BigInt(text);
  refuseUnless(size(number) < 1n << 255n, 'a number of more than 255 bits');
  return number;
}

/** The rows of a `plimsoll.rows` document. */
export function rowsOf(document) {
  documentOf(document, 'plimsoll.rows', ['variables', 'rows'], { labelled: false });
  const variables = field(document, 'variables', (v) => isList(v) && v.every((name) => typeof name === 'string'));
  const rows = field(document, 'rows', isList).map((row) => {
    only(row, ['width', 'offset', 'coefficients']);
    const width = Number(field(row, 'width', isWhole));
    const pairs = field(row, 'coefficients', (v) => isList(v) && v.every((pair) => isList(pair) && pair.length === 2));
    return {
      width,
      offset: decimal(field(row, 'offset', (v) => typeof v === 'string')),
      terms: pairs.map(([j, a]) => {
        refuseUnless(isWhole(j), 'an index that is no integer');
        return [Number(j), decimal(a)];
      }),
    };
  });
  return new Rows(variables, rows);
}
