/** What relay and gateway say to each other before the first stream: shapes, and the proof that binds them to the channel. */

import { constants, createHash, sign, verify } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { z } from 'zod';
import type { Code } from '../core/errors.ts';
import { canonicalHost } from '../core/http/host.ts';
import { resumedShape, resumingShape, ticketShape } from './resumption.ts';
import { channelBytes, isOurKind } from './greeting-proof.ts';
import { renewalShape } from './renewal.ts';

/** A feature: the relay may tell its next key when it accepts. */
export const nextKeyFeature = 'next-key';

export const carrierAlpn = 'sallyport-carrier/1';

/**
 * TLS of a carrier, for either end. A resumed session shows no certificate and would pass the pin,
 * so there are no tickets; below TLS 1.3 the certificates would travel in the clear.
 */
export const carrierTls = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ALPNProtocols: [carrierAlpn],
  secureOptions: constants.SSL_OP_NO_TICKET,
  rejectUnauthorized: false,
} as const;

const windowBytes = z.int().min(1).max(16_777_216);

export const helloShape = z.strictObject({
  /** Random, new for each process: a process that comes again takes its names over from its dead carrier. */
  instance: z.string().regex(/^[0-9a-f]{32}$/),
  /** Signature of the channel's exporter by the gateway's key. */
  proof: z.base64url().max(512),
  invite: z.nullable(z.string().regex(/^[\w-]{22}$/)),
  window: windowBytes,
  streams: z.int().min(1).max(1_000_000),
  /** Names of what the gateway could do beyond this version. Unknown ones are passed over. */
  features: z.array(z.string().max(64)).max(32),
  /** The key that comes after this one; the grants go over to it. */
  renewal: renewalShape.optional(),
  /** The carrier whose connection broke, and goes on over this one. */
  resume: resumingShape.optional(),
});
export type Hello = z.infer<typeof helloShape>;

/** What a relay calls a name ends on terminals and in certificates: it is one, in its one spelling, or nothing is believed. */
const isName = (text: string): boolean => canonicalHost(text) === text;
const isGrant = (text: string): boolean => text === '*' || isName(text.startsWith('*.') ? text.slice(2) : text);

export const acceptedShape = z.strictObject({
  domain: z.string().max(253).refine(isName),
  grants: z.array(z.string().max(255).refine(isGrant)).max(1_000),
  window: windowBytes,
  /** Of the offered features, the ones in force. */
  features: z.array(z.string().max(64)).max(32),
  /** The relay's key to come, where that feature is in force: pinned beside the one of now. */
  next: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Where that feature is in force: how to come again. */
  resume: ticketShape.optional(),
  /** In answer to `resume`: how many bytes of the gateway the relay has. */
  resumed: resumedShape.optional(),
});
export type Accepted = z.infer<typeof acceptedShape>;

const refusedCodes = [
  'invite-refused',
  'name-taken',
  'relay-refused',
  'relay-blocked',
  'connections-exceeded',
  'store-unavailable',
  'frame-malformed',
] as const satisfies readonly Code[];
export type RefusedCode = (typeof refusedCodes)[number];
/** The operator's reason for a block: bounded, and shown as what it is, somebody's text. */
const whyShape = z.string().max(200);
export const refusedShape = z.strictObject({ code: z.enum(refusedCodes), why: whyShape.optional() });

const portRefusals = ['address-in-use', 'permission-missing', 'address-unavailable'] as const;
const namesAsked = z.array(z.string().min(1).max(255)).max(100);
export const registerShape = z.strictObject({
  ask: z.int().min(0),
  names: namesAsked,
  /** Of them those whose TLS the relay may end; left out where there is none. */
  terminated: namesAsked.optional(),
});
/** What a gateway's owner is to write into the DNS: nothing else is shown to them as such. */
const proofShape = z.string().regex(/^sallyport=[0-9a-f]{64}$/);
export const namesShape = z.strictObject({
  /** Null: nobody asked, and the gateway is to ask again. */
  ask: z.int().min(0).nullable(),
  answers: z
    .array(
      z.union([
        z.strictObject({
          name: z.string().max(255),
          is: z.literal('held'),
          as: z.literal('standby').optional(),
          crowded: z.literal(true).optional(),
          failing: proofShape.optional(),
        }),
        z.strictObject({
          name: z.string().max(255),
          is: z.literal('refused'),
          code: z.enum(['name-taken', 'name-refused', 'name-malformed', 'store-unshared', ...portRefusals]),
        }),
        z.strictObject({ name: z.string().max(255), is: z.literal('refused'), code: z.literal('relay-blocked'), why: whyShape }),
        z.strictObject({
          name: z.string().max(255),
          is: z.literal('refused'),
          code: z.literal('name-unproved'),
          because: z.enum(['absent', 'dns', 'kept', 'count']),
          txt: proofShape,
        }),
      ]),
    )
    .max(100),
});

/** Shows that the hello was made for this channel: a captured one is worth nothing on another. */
export function proveChannel(socket: TLSSocket, privateKey: string): string {
  return sign('sha256', channelBytes(socket, 'proof'), privateKey).toString('base64url');
}

/** Checks a proof against the key that the channel itself has shown. */
export function channelProved(socket: TLSSocket, proof: string): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return false;
  return verify('sha256', channelBytes(socket, 'proof'), certificate.publicKey, Buffer.from(proof, 'base64url'));
}

/** SHA-256 of the other side's public key (SPKI, DER) in hex; null when the channel is not what a carrier must be. */
export function peerFingerprint(socket: TLSSocket): string | null {
  // A session that was resumed has proved nothing about who is there now.
  if (socket.isSessionReused() || socket.getProtocol() !== 'TLSv1.3' || socket.alpnProtocol !== carrierAlpn) return null;
  const key = socket.getPeerX509Certificate()?.publicKey;
  if (key === undefined || !isOurKind(key)) return null;
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
