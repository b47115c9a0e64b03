/** What a configuration says of `oidc`. */

import { z } from 'zod';

const issuerExpected = 'an issuer like https://login.example.org';
const wordExpected = 'a word without blanks';
const emailExpected = 'an address like ana@example.org';
const domainExpected = 'a domain like example.org';
const claimExpected = 'a claim like groups or realm_access.roles';
const whoExpected = 'who may come in: emails, domains or groups, or everyone: true';

const word = z.string({ error: wordExpected }).regex(/^[\x21-\x7e]{1,256}$/, wordExpected);
const claim = z.string({ error: claimExpected }).regex(/^[\w:/-]{1,64}(?:\.[\w:/-]{1,64}){0,4}$/, claimExpected);

const issuer = z
  .string({ error: issuerExpected })
  .max(512, issuerExpected)
  .refine((text) => {
    const url = URL.parse(text);
    return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  }, issuerExpected);

const email = z
  .string({ error: emailExpected })
  .regex(/^[^\s@"]{1,64}@[A-Za-z0-9.-]{1,255}$/, emailExpected)
  .transform((text) => text.toLowerCase());

const domain = z
  .string({ error: domainExpected })
  .regex(/^[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+$/, domainExpected)
  .transform((text) => text.toLowerCase());

export const oidcOptions = z
  .strictObject(
    {
      issuer: issuer.describe('The OpenID provider, as it calls itself: `issuer` of its metadata, by the letter.'),
      client: word.describe('Our name at the provider (client id).'),
      secret: z
        .string({ error: 'the name of a stored secret' })
        .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'the name of a stored secret, like login')
        .optional()
        .describe('The name of the stored secret that we show to the provider. Left out: a public client, by PKCE alone.'),
      emails: z
        .array(email)
        .min(1, emailExpected)
        .max(1_000, 'at most 1,000 addresses')
        .optional()
        .describe('Addresses that may come in. Only those that the provider has verified count.'),
      domains: z
        .array(domain)
        .min(1, domainExpected)
        .max(100, 'at most 100 domains')
        .optional()
        .describe('Domains of verified addresses that may come in, without those below them.'),
      groups: z.array(word).min(1, wordExpected).max(100, 'at most 100 groups').optional().describe('Groups whose members may come in.'),
      everyone: z
        .literal(true, { error: 'true, or nothing' })
        .optional()
        .describe('Whoever has an account there may come in: at a public provider that is the world.'),
      claim: claim.prefault('groups').describe('The claim that holds the groups.'),
      roles: claim.optional().describe('The claim that holds roles for rules. Left out: nobody has roles by an account.'),
      scopes: z
        .array(word)
        .min(1, wordExpected)
        .max(16, 'at most 16 scopes')
        .prefault(['email', 'profile'])
        .describe('What is asked of the provider, besides openid.'),
      ca: z
        .string({ error: 'the path of a file, like /etc/ssl/own-ca.pem' })
        .max(1_024, 'a shorter path')
        .optional()
        .describe('A file of certificates (PEM) that is trusted for the provider in place of the list of the system.'),
    },
    {
      error:
        'issuer, client and who may come in, like { issuer: https://login.example.org, client: gateway, secret: login, emails: [ana@example.org] }',
    },
  )
  .refine(({ emails, domains, groups, everyone }) => [emails, domains, groups, everyone].some((each) => each !== undefined), whoExpected)
  .refine(
    ({ emails, domains, groups, everyone }) => everyone === undefined || [emails, domains, groups].every((each) => each === undefined),
    'everyone, or emails, domains and groups; not both',
  );

export type OidcOptions = z.output<typeof oidcOptions>;
