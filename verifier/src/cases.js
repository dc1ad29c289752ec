// Reads cases from standard input, one JSON object to a line, and answers each with a line: `yes`, or `no` and why.
// `node cases.js [GENERATORS]` is how the tests hold this verifier to the other one.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { checkSignature, offerFile, parse, Refused, verifyInclusion, verifyMargin, verifySolvency } from './index.js';

const [, , file] = process.argv;
if (file) offerFile(new Uint8Array(readFileSync(file)));

const KINDS = {
  margin: (c) => verifyMargin(c.get('proof'), c.get('rows'), plain(c.get('expected')), c.get('book') ?? null),
  solvency: (c) => verifySolvency(c.get('solvency'), plain(c.get('expected'))),
  inclusion: (c) => verifyInclusion(c.get('inclusion'), c.get('root'), plain(c.get('expected'))),
  signature: (c) => checkSignature(c.get('document'), c.get('role'), c.get('signature'), c.get('key')),
};

const plain = (map) => Object.fromEntries(map);

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const given = parse(line);
    KINDS[given.get('kind')](given);
    console.log('yes');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.log(`no ${error.message}`);
  }
}
