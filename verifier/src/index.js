// A verifier of Plimsoll's proofs, written from docs/proofs-format.md and sharing no code with the prover. Unaudited.
export { offerFile } from './generators.js';
export { verifyInclusion } from './inclusion.js';
export { canonical, parse } from './json.js';
export { verifyMargin } from './margin.js';
export { Refused } from './refused.js';
export { rowsOf } from './rows.js';
export { checkSignature } from './signature.js';
export { verifySolvency } from './solvency.js';
