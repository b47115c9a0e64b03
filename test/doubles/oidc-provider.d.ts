/** As much of `oidc-provider` as the tests use: it brings no types of its own. */

declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  type Interaction = Readonly<{
    uid: string;
    prompt: Readonly<{ name: string }>;
    params: Readonly<Record<string, unknown>>;
    session?: Readonly<{ accountId: string }>;
    grantId?: string;
  }>;

  interface Grant {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }

  interface GrantClass {
    new (properties: Readonly<{ accountId: string; clientId: string }>): Grant;
    find(id: string): Promise<Grant | undefined>;
  }

  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    readonly Grant: GrantClass;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Readonly<Record<string, unknown>>,
      options: Readonly<{ mergeWithLastSubmission: boolean }>,
    ): Promise<void>;
  }
}
