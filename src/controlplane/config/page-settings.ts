/** From the plan of our own pages to what they are made with: texts and logo read, colours hashed for the policy. */

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Form } from '../../contracts/guard.ts';
import type { Service } from '../../contracts/snapshot.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { colourText, contrast, type Colour } from '../../core/pages/contrast.ts';
import { ownFields } from '../../core/pages/page.ts';
import { usualPages, type PageSettings, type Theme } from '../../core/pages/settings.ts';
import { declared } from '../../core/pages/style.ts';
import type { Exchange } from '../../core/policy/exchange.ts';
import type { Route } from '../../core/policy/route.ts';
import type { Reply } from '../../core/http/reply.ts';
import type { Accent, PagesPlan, ThemePlan } from './page-keys.ts';
import { readTexts } from './page-texts.ts';
import type { Warning } from './presets.ts';
import { replyRoute } from './redirect.ts';

export type BuiltPages = Readonly<{
  /** Left out: as usual. */
  settings?: PageSettings;
  /** Serves the logo at every name alike, so that it tells of none; null where there is none. */
  route: ((exchange: Exchange) => Route<Service> | null) | null;
  warnings: readonly Warning[];
}>;

type PageLimits = Pick<Limits, 'pageTextsBytesMax' | 'logoBytesMax'>;

const logoPath = '/.sallyport/logo';

/** Errors: `file-missing`; `config-malformed` for a language without texts, a file that is too long, a logo of another kind. */
export function buildPages(plan: PagesPlan | undefined, limits: PageLimits): BuiltPages {
  if (plan === undefined) return { route: null, warnings: [] };
  const { texts, missing } =
    plan.texts === undefined ? { ...usualPages, missing: new Map<string, number>() } : readTexts(plan.texts, limits.pageTextsBytesMax);
  const language = plan.language ?? usualPages.language;
  if (!texts.has(language))
    throw new SallyportError('config-malformed', `language: ${language} has no texts; there are ${[...texts.keys()].join(', ')}.`, {
      hint: 'Write them into a file, and say texts: FILE. The guide docs/guides/pages.md shows how.',
    });
  const picture = plan.theme === undefined || plan.theme.logo === null ? null : readLogo(plan.theme.logo, limits.logoBytesMax);
  const theme = plan.theme === undefined ? {} : { theme: themeOf(plan.theme, picture) };
  return {
    settings: Object.freeze({ language, texts, ...theme }),
    route: picture === null ? null : logoRoute(picture),
    warnings: [...missing].map(([each, count]) => ({
      code: 'texts-partial',
      message: `${count} texts of the language ${each} are still in English.`,
      hint: null,
    })),
  };
}

type Picture = Readonly<{ type: string; bytes: Uint8Array; version: string }>;

function themeOf({ name, accent }: ThemePlan, picture: Picture | null): Theme {
  return Object.freeze({
    name,
    logo: picture === null ? null : `${logoPath}?${picture.version}`,
    style: accent === null ? null : styleOf(accent),
  });
}

function styleOf({ light, dark }: Accent): NonNullable<Theme['style']> {
  const text = `:root{${colours(light)}}@media(prefers-color-scheme:dark){:root{${colours(dark)}}}`;
  return { text, hash: createHash('sha256').update(text).digest('base64') };
}

/** What stands on the colour is black or white, whichever can be read better: one of them always can. */
function colours(accent: Colour): string {
  const [black, white]: readonly [Colour, Colour] = [
    [0, 0, 0],
    [255, 255, 255],
  ];
  const ink = contrast(accent, white) >= contrast(accent, black) ? white : black;
  return declared({ deed: colourText(accent), 'deed-ink': colourText(ink) });
}

function readLogo(path: string, bytesMax: number): Picture {
  const bytes = readSmall(path, bytesMax);
  const type = kindOf(bytes);
  if (type === null)
    throw new SallyportError('config-malformed', `${path} is neither PNG nor SVG.`, { hint: 'Save the logo as one of them.' });
  return { type, bytes, version: createHash('sha256').update(bytes).digest('hex').slice(0, 16) };
}

function readSmall(path: string, bytesMax: number): Uint8Array {
  try {
    if (statSync(path).size <= bytesMax) return readFileSync(path);
  } catch (cause) {
    throw new SallyportError('file-missing', `There is no file ${path} that can be read.`, {
      hint: 'Check the path and its rights.',
      cause,
    });
  }
  throw new SallyportError('config-malformed', `${path} is longer than a logo may be: ${bytesMax} bytes.`, {
    hint: 'Make the picture smaller: it is shown 40 pixels high.',
  });
}

/** By its first bytes, whatever its name says. */
function kindOf(bytes: Uint8Array): string | null {
  const png = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  if (png.every((byte, at) => bytes[at] === byte)) return 'image/png';
  const text = new TextDecoder().decode(bytes.subarray(0, 1_024));
  return /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*)*<svg[\s>]/.test(text) ? 'image/svg+xml' : null;
}

/** Opened by itself, an SVG is a document with scripts and all: under this policy it is a picture and nothing else. */
const pictureOnly = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

function logoRoute({ type, bytes }: Picture): (exchange: Exchange) => Route<Service> | null {
  const fields = [
    ...ownFields(type).filter(([name]) => name !== 'Cache-Control'),
    // Its address changes with it.
    ['Cache-Control', 'public, max-age=86400'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
    ['Content-Security-Policy', pictureOnly],
  ] as const;
  const reply: Reply = { status: 200, fields, body: bytes };
  const route = replyRoute('logo', () => reply, 'the logo of our own pages');
  const form: Form = { method: 'GET', path: logoPath, handle: () => reply };
  const served: Route<Service> = Object.freeze({ ...route, service: Object.freeze({ ...route.service, forms: [form] }) });
  return ({ http }) => (http?.method === 'GET' && http.path?.clear === true && http.path.text === logoPath ? served : null);
}
