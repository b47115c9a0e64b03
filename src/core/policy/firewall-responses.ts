/** The firewall's pack `responses`: heads of answers that are made for whoever reads them carelessly. Content is not looked at. */

import type { Field, Fields } from '../http/fields.ts';
import type { ResponseHead } from '../http/head.ts';
import { decoded } from './firewall.ts';
import { isOneType, type Breach } from './firewall-protocol.ts';

/**
 * The first rule that an answer breaks; null for none.
 * @param isClear whether it came over plain HTTP from somebody else's server: then nobody should show it a system's login
 */
export function responseBreach({ fields }: ResponseHead, isClear: boolean): Breach | null {
  let [cookies, codings] = [0, 0];
  for (const field of fields) {
    const { lower, value } = field;
    if (lower === 'set-cookie') cookies += 1;
    else if (lower === 'content-encoding') codings += value.split(',').length;
    else if (once.has(lower) && differs(field, fields)) return { rule: 'twice', what: 'two different of a field that stands once' };
    const found = fieldBreach(field, isClear);
    if (found !== null) return found;
  }
  if (cookies > cookiesMax) return { rule: 'cookies', what: `more than ${cookiesMax} cookies` };
  return codings > codingsMax ? { rule: 'codings', what: `more than ${codingsMax} codings, one in another` } : null;
}

/** As many as a client must be able to keep of one host (RFC 6265, 6.1); more push others out (CVE-2022-32205). */
const cookiesMax = 50;
/** Each multiplies what is unpacked by up to a thousand (CVE-2022-32206). Nobody uses more than one. */
const codingsMax = 3;

const once: ReadonlySet<string> = new Set(['content-type', 'location', 'content-disposition', 'content-location', 'refresh']);

/** The same twice is a mistake; another is a choice that each reader makes for itself. */
function differs({ lower, value }: Field, fields: Fields): boolean {
  return fields.some((other) => other.lower === lower && other.value !== value);
}

function fieldBreach({ lower, value }: Field, isClear: boolean): Breach | null {
  switch (lower) {
    case 'location':
    case 'content-location':
      return leads(value) ? redirect : null;
    case 'refresh':
      return leads(/^[^;,]*[;,](?:url=)?['"]?(.*)$/is.exec(packed(value))?.[1] ?? '') ? redirect : null;
    case 'content-disposition':
      return hasPlace(value) ? { rule: 'file', what: 'a file name that leads into another folder, or hides' } : null;
    case 'content-type':
      return value === '' || isOneType(value) ? null : { rule: 'type', what: 'a Content-Type with no single reading' };
    case 'www-authenticate':
      return isClear && /(?:^|,)\s{0,8}(?:ntlm|negotiate)\b/i.test(value)
        ? { rule: 'login', what: 'a question for the login of the system (NTLM, Negotiate) over plain HTTP' }
        : null;
    default:
      return null;
  }
}

const redirect: Breach = { rule: 'redirect', what: 'a way on to a script, a file or another protocol of the reader’s own machine' };

/** What runs, opens or reads something where the reader is (CVE-2009-0037 and its like). Schemes of apps are their users' own. */
const schemes: ReadonlySet<string> = new Set(
  'javascript vbscript data file jar view-source gopher dict tftp telnet ldap ldaps smb php expect netdoc mhtml ms-its'.split(' '),
);

function leads(value: string): boolean {
  const [scheme = '', rest] = packed(value).split(':', 2);
  return rest !== undefined && schemes.has(scheme.toLowerCase());
}

/** Browsers skip blanks and control characters before a scheme and in it. */
function packed(value: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is skipped
  return value.replaceAll(/[\u0000-\u0020]/g, '');
}

/** Programs that save under the name that is said write where it leads (CVE-2014-4877, CVE-2020-8177), or over their own settings (CVE-2010-2252). */
function hasPlace(value: string): boolean {
  const names = value.matchAll(/filename(?:\*\d{0,3}\*?)?\s{0,8}=\s{0,8}("(?:[^"\\]|\\.)*"|[^;]*)/gi);
  for (const [, name = ''] of names) {
    const text = decoded(name.replace(/^"/, '').replace(/^[\w-]{1,20}'[\w-]{0,20}'/, ''));
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/^\.|[/\u0000-\u001f]|\\(?!")/.test(text)) return true;
  }
  return false;
}
