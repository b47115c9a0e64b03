/** Our own pages: one frame for all of them, under a policy that lets in our style, our picture and nothing else. */

import type { Reply } from '../http/reply.ts';
import type { Exchange } from '../policy/exchange.ts';
import { markup, type Markup } from './markup.ts';
import { languageOf } from './say.ts';
import type { Theme } from './settings.ts';
import { pageStyle, pageStyleHash } from './style.ts';

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
  /** For what is read at length, or has long lines. */
  wide?: true;
  /** The browser asks again after so many seconds. */
  retrySeconds?: number;
  /** What cannot be done without one: its text, and the SHA-256 of that, base64. The policy lets in this one alone. */
  script?: Readonly<{ text: string; hash: string }>;
}>;

/** A page for the person who sent this; its texts come from `say`, in the same language. */
export function page(
  exchange: Exchange | null,
  { status, title, content, fields = [], form = false, wide, retrySeconds, script }: Page,
): Reply {
  const language = languageOf(exchange);
  const theme = themeOf(exchange);
  const retry = retrySeconds === undefined ? null : markup`<meta http-equiv="refresh" content="${retrySeconds}">\n`;
  const document = markup`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${retry}<title>${theme === null || theme.name === null ? title : `${title} · ${theme.name}`}</title>
<style>${{ markup: pageStyle }}</style>
${theme === null ? null : headOf(theme)}</head>
<body${wide === true ? markup` class="wide"` : null}>
<main>
${theme === null ? null : brand(theme)}<h1>${title}</h1>
${content}
</main>
${script === undefined ? null : markup`<script>${{ markup: script.text }}</script>\n`}</body>
</html>
`;
  return {
    status,
    fields: [
      ...fields,
      ...ownFields('text/html; charset=utf-8', form === 'secret' ? 'strict-origin' : form ? 'same-origin' : 'no-referrer'),
      ['Content-Language', language],
      ['Vary', 'Accept-Language'],
      ['Content-Security-Policy', policy(form !== false, theme, script?.hash)],
    ],
    body: document.markup,
  };
}

/** A proxy's answers stand under other people's addresses: no picture of ours is there. */
function themeOf(exchange: Exchange | null): Theme | null {
  const theme = exchange?.pages?.theme ?? null;
  return theme === null || exchange?.listener.proxy === undefined ? theme : { ...theme, logo: null };
}

function headOf({ logo, style }: Theme): Markup {
  const icon = logo === null ? null : markup`<link rel="icon" href="${logo}">\n`;
  return markup`${icon}${style === null ? null : markup`<style>${{ markup: style.text }}</style>\n`}`;
}

/** The picture says nothing that the name beside it does not. */
function brand({ name, logo }: Theme): Markup | null {
  if (name === null && logo === null) return null;
  return markup`<p class="brand">${logo === null ? null : markup`<img src="${logo}" alt="">`}${name}</p>\n`;
}

function policy(form: boolean, theme: Theme | null, script?: string): string {
  const style = theme === null || theme.style === null ? '' : ` 'sha256-${theme.style.hash}'`;
  const picture = theme === null || theme.logo === null ? '' : "; img-src 'self'";
  const deed = script === undefined ? '' : `; script-src 'sha256-${script}'`;
  return `default-src 'none'; style-src 'sha256-${pageStyleHash}'${style}${picture}${deed}; form-action ${form ? "'self'" : "'none'"}; frame-ancestors 'none'; base-uri 'none'`;
}
