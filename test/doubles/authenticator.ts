/** An authenticator in software (WebAuthn Level 3, 6): makes passkeys and signs, and lies where a test says so. */

import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

type CborKey = string | number;
type Cbor = string | number | Uint8Array | ReadonlyMap<CborKey, Cbor>;

/** RFC 8949, 3, as much of it as a passkey has. */
function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, each]) => [cbor(key), cbor(each)])]);
}

function head(major: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(major << 5) | count]);
  if (count < 256) return Buffer.from([(major << 5) | 24, count]);
  return Buffer.from([(major << 5) | 25, count >> 8, count & 255]);
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();

export type Lies = Readonly<{
  origin?: string;
  /** The relying party whose hash is signed. */
  host?: string;
  type?: string;
  challenge?: string;
  /** Whether it verified who holds it. */
  verified?: boolean;
  counter?: number;
  crossOrigin?: boolean;
  handle?: string;
  key?: KeyObject;
  credential?: string;
}>;

/** What our page hands to the browser. */
export type Asked = Readonly<{ challenge: string; rpId?: string; rp?: Readonly<{ id: string }>; user?: Readonly<{ id: string }> }>;

export type Authenticator = Readonly<{ make: (asked: Asked, lies?: Lies) => string; use: (asked: Asked, lies?: Lies) => string }>;

/** One passkey; it counts from 1. */
export function authenticator(origin: string): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const id = randomBytes(16);
  let counter = 0;
  let handle = '';

  const client = (type: string, asked: Asked, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? asked.challenge,
        origin: lies.origin ?? origin,
        crossOrigin: lies.crossOrigin ?? false,
      }),
    );
  const data = (host: string, flags: number, lies: Lies): Buffer => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(lies.counter ?? (counter += 1));
    const up = 1;
    const uv = lies.verified === false ? 0 : 4;
    return Buffer.concat([sha256(lies.host ?? host), Buffer.from([up | uv | flags]), count]);
  };
  const written = (response: Readonly<Record<string, unknown>>, lies: Lies): string => {
    const name = lies.credential ?? base64url(id);
    return JSON.stringify({ id: name, rawId: name, type: 'public-key', response, clientExtensionResults: {} });
  };

  return {
    make: (asked, lies = {}) => {
      handle = asked.user?.id ?? '';
      const cose = cbor(
        new Map<number, number | Buffer>([
          [1, 2],
          [3, -7],
          [-1, 1],
          [-2, Buffer.from(x, 'base64url')],
          [-3, Buffer.from(y, 'base64url')],
        ]),
      );
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cose]);
      const authData = Buffer.concat([data(asked.rp?.id ?? '', 0x40, lies), attested]);
      const attestation = cbor(
        new Map<string, Cbor>([
          ['fmt', 'none'],
          ['attStmt', new Map<string, Cbor>()],
          ['authData', authData],
        ]),
      );
      const clientDataJSON = base64url(client('webauthn.create', asked, lies));
      return written({ clientDataJSON, attestationObject: base64url(attestation), transports: ['internal'] }, lies);
    },
    use: (asked, lies = {}) => {
      const authData = data(asked.rpId ?? '', 0, lies);
      const clientData = client('webauthn.get', asked, lies);
      const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), lies.key ?? key);
      return written(
        {
          clientDataJSON: base64url(clientData),
          authenticatorData: base64url(authData),
          signature: base64url(signature),
          userHandle: lies.handle ?? handle,
        },
        lies,
      );
    },
  };
}
