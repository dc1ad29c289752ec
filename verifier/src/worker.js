// Verification off the page's thread. One message in, one out; nothing is sent anywhere else.
import { checkSignature, offerFile, parse, Refused, verifyInclusion, verifyMargin, verifySolvency } from './index.js';

const TASKS = {
  margin({ documents, expected }) {
    let book = null;
    if (documents.book) {
      if (!documents.signature) throw new Refused('a book without its signature binds nothing');
      checkSignature(documents.book, 'book', documents.signature, expected.key);
      book = documents.book;
    }
    verifyMargin(documents.proof, documents.rows, expected, book);
    return [
      'The committed collateral covers the margin of the committed positions, by the rows that you dropped.',
      book ? 'The commitments are those that the venue signed.' : 'Nothing binds the commitments to a book.',
    ];
  },
  inclusion({ documents, expected }) {
    if (documents.signature) checkSignature(documents.solvency, 'solvency', documents.signature, expected.key);
    const equity = { ...expected, equity: BigInt(expected.equity) };
    verifyInclusion(documents.inclusion, documents.solvency.get('root'), equity);
    return [
      'Your equity is one of those under the root of the publication.',
      documents.signature ? 'The venue signed the publication.' : 'Nobody signed this publication as far as you know.',
      'That the publication itself holds is the other check.',
    ];
  },
  solvency({ documents, expected }) {
    if (documents.signature) checkSignature(documents.solvency, 'solvency', documents.signature, expected.key);
    verifySolvency(documents.solvency, expected);
    return [
      'No equity that counts is below zero, their sum is within the stated reserves, open interest balances.',
      'Whether the venue holds those reserves, and alone, no proof of this kind can say.',
      documents.signature ? 'The venue signed the publication.' : 'Nobody signed this publication as far as you know.',
    ];
  },
};

self.onmessage = ({ data }) => {
  try {
    if (data.generators) offerFile(new Uint8Array(data.generators));
    const documents = {};
    for (const [name, text] of Object.entries(data.texts)) documents[name] = parse(text);
    self.postMessage({ accepted: true, words: TASKS[data.task]({ documents, expected: data.expected }) });
  } catch (error) {
    const known = error instanceof Refused;
    self.postMessage({ accepted: false, words: [known ? error.message : `it could not be read: ${error.message}`] });
  }
};
