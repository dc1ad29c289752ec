// Ed25519 signatures of documents: whose book, whose publication.
import { ed25519 } from '@noble/curves/ed25519.js';
import { documentHash, documentOf, field, fromHex, isHash, isText, utf8ToBytes } from './bytes.js';
import { refuseUnless } from './refused.js';

/** Refuses unless the key that the reader trusts signed this very document in this role. */
export function checkSignature(document, role, signature, expectedKey) {
  documentOf(signature, 'plimsoll.signature', ['role', 'document', 'public_key', 'signature'], { labelled: false });
  const key = field(signature, 'public_key', isHash);
  refuseUnless(key === expectedKey, 'the signature is of another key than the one that is trusted');
  refuseUnless(field(signature, 'role', isText) === role, `the signature is not for ${role}`);
  const digest = documentHash(document);
  refuseUnless(field(signature, 'document', isText) === digest, 'the signature is of another document');
  const message = utf8ToBytes(`plimsoll/signature/v1\n${role}\n${digest}`);
  const bytes = fromHex(field(signature, 'signature', (v) => isText(v) && v.length === 128));
  let holds = false;
  try {
    holds = ed25519.verify(bytes, message, fromHex(key), { zip215: false });
  } catch {
    // not even a signature
  }
  refuseUnless(holds, 'the signature does not hold');
}
