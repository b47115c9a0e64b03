/** What can be wrong on the way to a relay, in words with a way out. No credential stands in any of them. */

import { SallyportError } from '../../core/errors.ts';
import type { Proxy } from '../../contracts/via.ts';
import { hostPort } from '../../core/address.ts';
import { refusedShape } from '../greeting.ts';

export function unreachable(address: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('relay-unreachable', `The relay ${address} cannot be reached: ${why}.`, {
    hint: 'Check that the relay runs and that nothing between blocks the way.',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function untrusted(address: string): SallyportError {
  return new SallyportError('relay-untrusted', `What answers at ${address} does not have the relay’s key.`, {
    hint: 'Somebody may stand between; if the relay has a new key, ask its operator for a new invitation.',
  });
}

/** What a relay says instead of `accepted`. */
export function refusal(address: string, value: unknown): SallyportError {
  const parsed = refusedShape.safeParse(value);
  const code = parsed.success ? parsed.data.code : 'relay-refused';
  switch (code) {
    case 'relay-blocked':
      return new SallyportError(
        code,
        `The operator of the relay ${address} blocked this gateway: ${parsed.data?.why ?? 'no reason given'}`,
        {
          hint: 'Ask the relay’s operator.',
        },
      );
    case 'invite-refused':
      return new SallyportError(code, `The relay ${address} does not take this invitation.`, {
        hint: 'It may have been used or have expired: ask for a new one.',
      });
    case 'name-taken':
      return new SallyportError(code, 'The name of this invitation belongs to another gateway by now.', {
        hint: 'Ask the relay’s operator for another name.',
      });
    default:
      return new SallyportError('relay-refused', `The relay ${address} refused this gateway (${code}).`, {
        hint: 'Its grants may have been revoked: ask the relay’s operator.',
      });
  }
}

/** Nobody is there, or not in time, or somebody who does not speak as such a proxy does. */
export function proxyUnreachable(proxy: Proxy, why: string, cause?: unknown): SallyportError {
  return new SallyportError('proxy-unreachable', `The proxy ${shown(proxy)} cannot be used: ${why}.`, {
    hint: 'Check its address and kind: via: in sallyport.yaml, or HTTPS_PROXY and ALL_PROXY.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** It speaks, and says no. */
export function proxyRefused(proxy: Proxy, why: string, hint: string): SallyportError {
  return new SallyportError('proxy-refused', `The proxy ${shown(proxy)} refuses: ${why}.`, { hint });
}

/** What to do about credentials, by whether there were any. */
export function credentialsHint(proxy: Proxy): string {
  return proxy.credentials === null
    ? 'It wants a user and a password: see via: and secrets in docs/configuration.md.'
    : 'Check the user and the password that it is given.';
}

function shown({ is, host, port }: Proxy): string {
  return `${is}://${hostPort(host, port)}`;
}
