// JSON as the documents use it: integers of any length, no floats, no key twice. `JSON.parse` would round integers
// beyond 2^53 without a word, and a proof is bound to every digit.
import { Refused, refuseUnless } from './refused.js';

const SPACE = /[ \t\n\r]*/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const INTEGER = /-?(?:0|[1-9][0-9]*)/y;
const WORD = /true|false|null/y;
const DEEPEST = 64;

/** The value of a JSON text: objects are `Map`s, integers are `bigint`s. */
export function parse(text) {
  let place = 0;

  function take(pattern) {
    pattern.lastIndex = place;
    const found = pattern.exec(text);
    if (found === null) return null;
    place = pattern.lastIndex;
    return found[0];
  }

  function space() {
    take(SPACE);
  }

  function sign(expected) {
    space();
    if (text[place] !== expected) return false;
    place += 1;
    return true;
  }

  function list(end, item) {
    if (sign(end)) return;
    do item();
    while (sign(','));
    refuseUnless(sign(end), `no JSON at character ${place}`);
  }

  function value(depth) {
    refuseUnless(depth < DEEPEST, 'JSON that is nested too deeply');
    if (sign('{')) {
      const found = new Map();
      list('}', () => {
        const key = string();
        refuseUnless(!found.has(key), `the key ${JSON.stringify(key)} stands there twice`);
        refuseUnless(sign(':'), `no JSON at character ${place}`);
        found.set(key, value(depth + 1));
      });
      return found;
    }
    if (sign('[')) {
      const found = [];
      list(']', () => found.push(value(depth + 1)));
      return found;
    }
    if (text[place] === '"') return string();
    const word = take(WORD);
    if (word !== null) return word === 'null' ? null : word === 'true';
    const digits = take(INTEGER);
    refuseUnless(digits !== null, `no JSON at character ${place}`);
    refuseUnless(!/[.eE0-9]/.test(text[place] ?? ''), 'a number that is no integer');
    refuseUnless(digits !== '-0', 'minus zero');
    return BigInt(digits);
  }

  function string() {
    space();
    const found = take(TEXT);
    refuseUnless(found !== null, `no JSON at character ${place}`);
    const read = JSON.parse(found);
    refuseUnless(read.isWellFormed?.() ?? !/[\ud800-\udfff]/u.test(read), 'text with half a character');
    return read;
  }

  const found = value(0);
  space();
  refuseUnless(place === text.length, 'something behind the JSON');
  return found;
}

/** Canonical JSON: keys by code point, no space. */
export function canonical(value) {
  if (value instanceof Map) {
    const keys = [...value.keys()].sort(byCodePoint);
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value.get(key))}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return JSON.stringify(value);
  throw new Refused('a value that these documents do not have');
}

function byCodePoint(one, two) {
  const a = [...one].map((c) => c.codePointAt(0));
  const b = [...two].map((c) => c.codePointAt(0));
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
