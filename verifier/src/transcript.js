// The Fiat-Shamir transcript: everything public is absorbed, framed by its length, before a challenge comes out.
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, integerBytes, integerOf, sha256, utf8ToBytes } from './bytes.js';
import { ORDER } from './group.js';

function frame(bytes) {
  return concatBytes(integerBytes(bytes.length, 8), bytes);
}

export class Transcript {
  #state = new Uint8Array(32);

  absorb(label, bytes) {
    this.#state = sha256(concatBytes(this.#state, frame(utf8ToBytes(label)), frame(bytes)));
  }

  challenge(label) {
    const asked = concatBytes(frame(utf8ToBytes('challenge')), frame(utf8ToBytes(label)));
    for (let counter = 0; ; counter += 1) {
      const wide = sha512(concatBytes(this.#state, asked, new Uint8Array([counter])));
      const number = integerOf(wide) % ORDER;
      if (number === 0n) continue;
      this.absorb(`challenge ${label}`, wide);
      return number;
    }
  }
}
