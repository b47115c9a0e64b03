/** A service that asks for several factors, as a visitor meets it: forms, cookies and the judge, without a socket. */

import assert from 'node:assert/strict';
import { TOTP, Secret } from 'otpauth';
import type { FormAnswer } from '../../src/contracts/guard.ts';
import { buildAccess } from '../../src/controlplane/config/access.ts';
import type { Access } from '../../src/controlplane/config/plan.ts';
import { codeRules } from '../../src/controlplane/identities/logins/codes.ts';
import type { Limits } from '../../src/core/limits.ts';
import { judge, type Outcome } from '../../src/core/policy/judge.ts';
import { guards } from '../../src/registry.ts';
import { exchangeOf, navigation, noBody, type Asked } from './exchange.ts';
import { goodPassword, testTools, type TestTools } from './tools.ts';

export const host = 'blog.example.test';

/** Entries of `access` as the configuration would say them. */
export type Said = readonly Readonly<Record<string, unknown>>[];

/** A browser: what it is answered, and the cookies that it keeps. */
export type Visitor = Readonly<{
  cookies: Map<string, string>;
  form: (method: 'GET' | 'POST', path: string, fields?: Readonly<Record<string, string>>, more?: Asked) => Promise<FormAnswer>;
  asks: (more?: Asked) => Promise<Outcome>;
}>;

export type Scene = Readonly<{
  tools: TestTools;
  /** The code that ana's authenticator shows now, or so many steps from now. */
  code: (steps?: number) => string;
  secret: Uint8Array;
  recovery: readonly string[];
  visitor: (from?: string) => Visitor;
}>;

type Given = Readonly<{ limits?: Partial<Limits>; users?: readonly string[]; enrol?: boolean }>;

export async function scene(said: Said, { limits = {}, users = ['ana', 'ben'], enrol = true }: Given = {}): Promise<Scene> {
  const tools = await testTools(users, limits);
  const { codes } = tools.people.logins;
  const secret = codes.newSecret();
  const recovery = enrol ? await codes.enrol('ana', secret) : [];
  const access: Access = said.map((entry) =>
    Object.entries(entry).map(([guard, options]) => ({ guard, options: guards.get(guard)?.options.parse(options) })),
  );
  const built = buildAccess(access, false, guards, tools, { name: 'blog', hosts: [host], behindRelay: false, door: 'blog' });
  const totp = new TOTP({ ...codeRules, secret: new Secret({ buffer: new Uint8Array(secret).buffer }) });
  const route = { name: 'blog', service: null, identify: built.tree, authorize: [], meter: [] };

  const visitor = (from = '192.0.2.7'): Visitor => {
    const cookies = new Map<string, string>();
    const asked = (more: Asked): Asked => {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      return { from, ...more, fields: [...(more.fields ?? navigation), ...(cookie === '' ? [] : [['Cookie', cookie] as const])] };
    };
    return {
      cookies,
      form: async (method, path, fields = {}, more = {}) => {
        const found = built.forms.find((each) => each.method === method && each.path === path);
        assert.ok(found !== undefined, `no form ${method} ${path}`);
        const exchange = exchangeOf(asked({ method, target: path, ...more }));
        const answer = await found.handle(exchange, { fields: new URLSearchParams(fields), rest: '' });
        for (const text of fieldsOf(answer, 'set-cookie')) {
          const [pair = '', ...attributes] = text.split('; ');
          const at = pair.indexOf('=');
          assert.match(text, /; Path=\/; Secure; HttpOnly; SameSite=(?:Lax|Strict); Max-Age=\d+$/);
          if (attributes.includes('Max-Age=0')) cookies.delete(pair.slice(0, at));
          else cookies.set(pair.slice(0, at), pair.slice(at + 1));
        }
        return answer;
      },
      asks: async (more = {}) => judge(exchangeOf(asked(more)), route, noBody),
    };
  };
  const code = (steps = 0): string => totp.generate({ timestamp: tools.clock.now + steps * codeRules.period * 1000 });
  return { tools, code, secret, recovery, visitor };
}

export const rightPassword = { user: 'ana', password: goodPassword };

export const fieldsOf = (answer: FormAnswer, name: string): readonly string[] => {
  const reply = 'is' in answer ? answer.answer : answer;
  return (reply?.fields ?? []).filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
};

export const bodyOf = (answer: FormAnswer): string => {
  const reply = 'is' in answer ? answer.answer : answer;
  return reply === null ? '' : String(reply.body);
};

/** `303 /.sallyport/totp`, or the code of a refusal. */
export const told = (answer: FormAnswer): string =>
  'is' in answer ? answer.code : [answer.status, ...fieldsOf(answer, 'location')].join(' ');

/** `ana`, or the code of a refusal. */
export const who = (outcome: Outcome): string => (outcome.is === 'admit' ? (outcome.exchange.identity?.name ?? 'nobody') : outcome.code);
