/** An authority that refuses half of the good nonces, and none by chance: every second one is lost on its way and another put in its place. */

import type { CaHttps } from '../../src/controlplane/acme/https.ts';

/** Form of one, and never given out. */
const lost = 'bm8tc3VjaC1ub25jZQ';

export type BadNonces = CaHttps & Readonly<{ refused: () => number }>;

/** `refused` counts what the authority itself has refused for its nonce. */
export function withBadNonces(https: CaHttps): BadNonces {
  let [given, refused] = [0, 0];
  return {
    ask: async (method, url, body) => {
      const answer = await https.ask(method, url, body);
      if (answer.status === 400 && answer.body.includes('urn:ietf:params:acme:error:badNonce')) refused += 1;
      if (answer.nonce === null) return answer;
      given += 1;
      return given % 2 === 1 ? { ...answer, nonce: lost } : answer;
    },
    close: () => https.close(),
    refused: () => refused,
  };
}
