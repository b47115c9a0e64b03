/** Text of others inside of YAML: as a comment that cannot end early, as a value that cannot be anything else. */

/** What ends a line anywhere in YAML 1.1 or 1.2, or would move what a terminal shows. */
export function comment(text: string): string {
  const shown = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ').trim();
  return `# ${shown.length > 300 ? `${shown.slice(0, 300)}…` : shown}`;
}

/** JSON is YAML: quoted where it has to be, plain where nobody could take it for anything else. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return '{}';
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${scalar(key)}: ${flow(each)}`)
      .join(', ')} }`;
  return typeof value === 'string' ? scalar(value) : JSON.stringify(value);
}

function scalar(text: string): string {
  const words = /^(?:true|false|null|yes|no|on|off|y|n|~)$/i;
  return /^[A-Za-z][\w.-]*$/.test(text) && !words.test(text)
    ? text
    : JSON.stringify(text)
        .replaceAll('\u2028', '\\u2028')
        .replaceAll('\u2029', '\\u2029')
        .replace(/[\u007f-\u009f]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
}
