/** Markup that cannot be broken out of: every value is escaped where it is put in. */

/** Text that is markup already. Only `markup` makes it. */
export type Markup = Readonly<{ markup: string }>;

/**
 * Puts values into a template, escaped; markup and lists of it go in as they are. Not called `html`:
 * formatters reshape what that tags, and the policy's hash holds for one spelling of the style only.
 */
export function markup(parts: TemplateStringsArray, ...values: readonly (string | number | Markup | readonly Markup[] | null)[]): Markup {
  let text = parts[0] ?? '';
  values.forEach((value, at) => {
    text += shown(value) + (parts[at + 1] ?? '');
  });
  return { markup: text };
}

function shown(value: string | number | Markup | readonly Markup[] | null): string {
  if (value === null) return '';
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return 'markup' in value ? value.markup : value.map((item) => item.markup).join('');
}

/** Right between tags and within double or single quotes. Control characters become U+FFFD. */
function escaped(text: string): string {
  return (
    text
      .replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)
      // eslint-disable-next-line no-control-regex -- control characters are what is replaced
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  );
}
