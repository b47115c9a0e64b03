/** What modules ask of others over HTTPS: always verified, bounded in bytes, time and number, and never led elsewhere. */

export type OutgoingRequest = Readonly<{
  method: 'GET' | 'POST';
  /** `https:` alone; no name and password in it. */
  url: string;
  fields: Readonly<Record<string, string>>;
  body: string | null;
  /** PEM; trusted in place of the system's list. Null: the list. */
  ca: string | null;
}>;

export type OutgoingAnswer = Readonly<{
  /** As it was sent: a redirect is an answer, and nobody follows it. */
  status: number;
  /** Names in small letters; of a field that came again, all of it. */
  fields: Readonly<Record<string, string>>;
  /** A stranger's text. */
  body: string;
}>;

/** A question about a request of a visitor: always GET, without a body. */
export type VerifierRequest = Readonly<{
  /** `https:`, or `http:` on this machine. */
  url: string;
  fields: Readonly<Record<string, string>>;
  /** PEM; trusted in place of the system's list. Null: the list. */
  ca: string | null;
}>;

export type VerifierAnswer = Readonly<{
  status: number;
  /** In their order, names in small letters; a field that came again stands again. A stranger's text. */
  fields: readonly (readonly [name: string, value: string])[];
}>;

/** Errors of `ask`: `issuer-unreachable`; of `verify`: `verifier-unreachable`. Where there is no `verify`, nobody is asked about visitors. */
export interface Outgoing {
  ask(request: OutgoingRequest): Promise<OutgoingAnswer>;
  verify?: (request: VerifierRequest) => Promise<VerifierAnswer>;
}
