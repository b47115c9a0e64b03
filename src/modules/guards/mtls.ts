/** Guard `mtls`: lets in who shows a client certificate in the TLS handshake (RFC 8446, 4.4.2), of our own authority or of the operator's. */

import { defineGuard } from '../../contracts/guard.ts';
import type { CertificateFound, ClientCertificates, OwnAuthority } from '../../contracts/client-certificates.ts';
import type { Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import { errorReply } from '../../core/pages/error.ts';
import { certificateHolder, certificateSubject, markedFingerprint } from '../../core/policy/certificate-subject.ts';
import type { Exchange, Identity } from '../../core/policy/exchange.ts';
import { forgery } from '../../core/policy/origin.ts';
import type { Verdict } from '../../core/policy/verdict.ts';
import { readHolder, type Named } from './mtls/holder.ts';
import { mtlsOptions, type MtlsOptions } from './mtls/options.ts';

export const mtls = defineGuard({
  name: 'mtls',
  stage: 'identify',
  options: mtlsOptions,
  build(given: MtlsOptions, tools) {
    const certificates = certificatesOf(tools);
    const own = given.ca.length === 0 ? certificates.own : null;
    if (own !== null) requireCertificates(given, own);
    const authority = own ?? certificates.authority({ ca: given.ca, crl: given.crl });
    const door: Door = { given, own, certificates };
    return {
      check: (exchange) => {
        const { client, balanced } = exchange.listener;
        if (exchange.http === null) return { is: 'skip' };
        // What a balancer shows is its own, and it carries many visitors.
        if (client === undefined || balanced !== undefined) return missing;
        const found = authority.judge(client);
        return found instanceof Promise ? found.then((each) => verdict(exchange, each, door)) : verdict(exchange, found, door);
      },
      asks: authority.roots,
      words: wordsOf(given),
      knows: (subject) => isMarked(markedFingerprint(subject), door) || isKnown(certificateHolder(subject), door),
    };
  },
});

/** `own`: where the certificates are ours. */
type Door = Readonly<{ given: MtlsOptions; own: OwnAuthority | null; certificates: ClientCertificates }>;

function certificatesOf({ certificates }: Tools): ClientCertificates {
  if (certificates !== undefined) return certificates;
  throw new SallyportError('program-failed', 'Client certificates are asked for where nobody comes by TLS.');
}

const missing: Verdict = { is: 'challenge', code: 'credentials-missing', why: 'no client certificate was shown', answer: null };

function verdict(exchange: Exchange, found: CertificateFound, door: Door): Verdict {
  switch (found.is) {
    case 'good': {
      const named = readHolder(found.holder, door.given, door.own);
      return typeof named === 'string' ? wrong(named) : admitted(exchange, named, door);
    }
    case 'wrong':
      return wrong(found.why);
    case 'expired':
      return { is: 'challenge', code: 'credentials-expired', why: found.why, answer: null };
    case 'away':
      return { is: 'challenge', code: 'revocation-unknown', why: found.why, answer: null };
    default:
      return found satisfies never;
  }
}

/** A browser shows it with every request, whichever page sent that. The visitor is known by now, so the refusal may speak plainly. */
function admitted(exchange: Exchange, { name, roles, fingerprint }: Named, { given, own, certificates }: Door): Verdict {
  const fault = forgery(exchange, 'basic');
  if (fault !== null) return { is: 'deny', ...fault, answer: errorReply(exchange, fault.code) };
  const subject = certificateSubject(name);
  certificates.letIn(fingerprint, subject);
  const identity: Identity = { guard: 'mtls', subject, name, by: 'certificate', roles, certificate: fingerprint };
  // The authority has put it into the certificate: that is its word for it.
  return { is: 'pass', identity: own === null && given.name === 'email' ? { ...identity, email: name } : identity };
}

/** Auth that is configured but empty is no auth: it refuses to start. */
function requireCertificates({ names }: MtlsOptions, own: OwnAuthority): void {
  const made = new Set(own.list().map(({ name }) => name));
  if (names === 'all' ? made.size > 0 : names.every((each) => made.has(each))) return;
  const absent = names === 'all' ? undefined : names.find((each) => !made.has(each));
  throw new SallyportError(
    'certificate-missing',
    absent === undefined
      ? 'A client certificate is asked for, but there is none that stands.'
      : `There is no client certificate for ${absent}.`,
    { hint: `Make it: sallyport clients certificate ${absent ?? 'NAME'}` },
  );
}

/** Who has one of the operator's is known to their authority alone: of those that are named here it could be any. */
function isKnown(name: string | null, { given: { names }, own }: Door): boolean {
  if (name === null || (names !== 'all' && !names.includes(name))) return false;
  return own === null || own.list().some((each) => each.name === name);
}

/** The very certificate of a client. */
function isMarked(fingerprint: string | null, { given, own }: Door): boolean {
  if (fingerprint === null || given.pins?.has(fingerprint) === false) return false;
  const name = own?.find(fingerprint)?.name ?? null;
  return own === null ? given.names === 'all' : name !== null && (given.names === 'all' || given.names.includes(name));
}

function wordsOf({ names, ca }: MtlsOptions): string {
  const of = ca.length === 0 ? '' : ' of an authority in files';
  if (names === 'all') return `a client certificate${of}`;
  const shown = names.slice(0, 3).join(' or ').slice(0, 120);
  return `a client certificate${of} for ${names.length > 3 ? `${shown} or ${names.length - 3} more` : shown}`;
}

function wrong(why: string): Verdict {
  return { is: 'challenge', code: 'credentials-wrong', why, answer: null };
}
