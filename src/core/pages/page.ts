/** The one design of our own pages: calm, light and dark, without script, under a strict policy. */

import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { markup, type Markup } from './markup.ts';
import { languageOf } from './say.ts';

/** Kept in one line each, so that its hash in the policy is easy to make again (a test does). */
export const pageStyle =
  ':root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6675;--line:#d5dbe3;--paper:#fff;--ground:#f3f5f8;--deed:#1f5fbf;--deed-ink:#fff;--fault:#a32222}' +
  '@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a3aebd;--line:#36404d;--paper:#1b222b;--ground:#12171d;--deed:#7fb0ff;--deed-ink:#0b1420;--fault:#ff9d9d}}' +
  '*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}' +
  'main{width:100%;max-width:25rem;padding:2rem;background:var(--paper);border:1px solid var(--line);border-radius:.75rem}' +
  'h1{margin:0 0 .75rem;font-size:1.35rem;line-height:1.25}p{margin:0 0 1rem;overflow-wrap:anywhere}p:last-child{margin-bottom:0}.soft{color:var(--soft);font-size:.9rem}.fault{color:var(--fault);font-weight:600}' +
  'form{margin:1.25rem 0}label{display:block;margin:0 0 .25rem;font-size:.9rem;font-weight:600}' +
  'input{width:100%;margin:0 0 1rem;padding:.6rem .7rem;font:inherit;color:inherit;background:var(--ground);border:1px solid var(--soft);border-radius:.4rem}' +
  'button{width:100%;padding:.65rem;font:inherit;font-weight:600;color:var(--deed-ink);background:var(--deed);border:0;border-radius:.4rem;cursor:pointer}' +
  'input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid var(--deed);outline-offset:2px}a{color:var(--deed)}';

/** SHA-256 of `pageStyle`, base64: the only style that the policy lets in (CSP 3, 8.4). */
export const pageStyleHash = 'eoOZfgmp4wE0eKxLIxAEzlkwyamfgRdy8CSanClw6S4=';

/** `strict-origin`: for a form on a page whose address is a secret. The form names its origin, and nobody is told the path. */
type Referrer = 'no-referrer' | 'same-origin' | 'strict-origin';

/**
 * What every answer of our own carries. `Referrer-Policy: same-origin` where a form is: under
 * `no-referrer` a browser sends its form with `Origin: null`, which looks like a forgery (Fetch, 3.2).
 */
export function ownFields(type: string, referrer: Referrer = 'no-referrer'): readonly (readonly [string, string])[] {
  return [
    ['Content-Type', type],
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
    ['Referrer-Policy', referrer],
    ['X-Robots-Tag', 'noindex'],
  ];
}

export type Page = Readonly<{
  status: number;
  title: string;
  /** What stands in `main`, below the heading. */
  content: Markup;
  /** Fields besides our own: a challenge, a cookie. */
  fields?: readonly (readonly [string, string])[];
  /** Whether a form of ours is on it; `secret` where the address of the page is one. */
  form?: boolean | 'secret';
  /** The browser asks again after so many seconds. */
  retrySeconds?: number;
}>;

/** A page for the person who sent this; its texts come from `say`, in the same language. */
export function page(exchange: Exchange | null, spec: Page): Reply;
/** @deprecated say whose it is: it has no language otherwise */
export function page(spec: Page): Reply;
export function page(first: Exchange | null | Page, second?: Page): Reply {
  return first !== null && 'content' in first
    ? made(null, first)
    : second === undefined
      ? made(null, { status: 500, title: '', content: { markup: '' } })
      : made(first, second);
}

function made(exchange: Exchange | null, { status, title, content, fields = [], form = false, retrySeconds }: Page): Reply {
  const language = languageOf(exchange);
  const retry = retrySeconds === undefined ? null : markup`<meta http-equiv="refresh" content="${retrySeconds}">\n`;
  const document = markup`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${retry}<title>${title}</title>
<style>${{ markup: pageStyle }}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
  return {
    status,
    fields: [
      ...fields,
      ...ownFields('text/html; charset=utf-8', form === 'secret' ? 'strict-origin' : form ? 'same-origin' : 'no-referrer'),
      ['Content-Language', language],
      ['Vary', 'Accept-Language'],
      ['Content-Security-Policy', policy(form !== false)],
    ],
    body: document.markup,
  };
}

function policy(form: boolean): string {
  return `default-src 'none'; style-src 'sha256-${pageStyleHash}'; form-action ${form ? "'self'" : "'none'"}; frame-ancestors 'none'; base-uri 'none'`;
}
