/** An invitation as one line of text: what `relay invite` prints and `join` reads. */

import { canonicalHost } from '../../core/http/host.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Invite } from '../../contracts/tunnel.ts';

const version = 'sp1';
const codeBytesMax = 700;

/** Fields joined by `~`, which no host name and no base64url holds: version, name, host, port, fingerprint, secret. */
export function formatInvite(invite: Invite): string {
  const { host, port } = splitAddress(invite.relayAddress);
  return [version, invite.name, host, String(port), Buffer.from(invite.fingerprint, 'hex').toString('base64url'), invite.secret].join('~');
}

/** Reads a code strictly. Error: `invite-malformed`; the message never holds the code, which is a secret. */
export function parseInvite(code: string): Invite {
  const parts = code.trim().split('~');
  const [first = '', name = '', host = '', port = '', key = '', secret = ''] = parts;
  if (code.length > codeBytesMax || parts.length !== 6) throw malformed('it is not one line of six parts');
  if (first !== version) throw malformed('it is of a version that this program does not know');
  if (canonicalHost(name) !== name) throw malformed('its name is malformed');
  if (canonicalHost(host) !== host || !/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) throw malformed('its address is malformed');
  const fingerprint = Buffer.from(key, 'base64url');
  if (fingerprint.length !== 32 || fingerprint.toString('base64url') !== key) throw malformed('its fingerprint is malformed');
  if (!/^[\w-]{22}$/.test(secret)) throw malformed('its secret is malformed');
  return { relayAddress: `${host}:${port}`, fingerprint: fingerprint.toString('hex'), name, secret };
}

/** Reads HOST:PORT, `[v6]:PORT`. Error: `usage-wrong`. */
export function splitAddress(address: string): Readonly<{ host: string; port: number }> {
  const at = address.lastIndexOf(':');
  const host = canonicalHost(address.slice(0, Math.max(0, at)));
  const port = address.slice(at + 1);
  if (at < 1 || host === null || !/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535)
    throw new SallyportError('usage-wrong', 'The relay has no address of the form HOST:PORT.', {
      hint: 'Give one such as relay.example.org:443.',
    });
  return { host, port: Number(port) };
}

function malformed(why: string): SallyportError {
  return new SallyportError('invite-malformed', `This is no invitation code: ${why}.`, {
    hint: 'Copy the whole line that `sallyport relay invite` printed.',
  });
}
