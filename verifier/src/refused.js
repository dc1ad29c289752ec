/** What a proof fails with; the message says at which check. */
export class Refused extends Error {}

export function refuseUnless(holds, reason) {
  if (!holds) throw new Refused(reason);
}
