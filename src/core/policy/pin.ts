/** Codes of digits as people type them. */

/** 6 to 12 digits without the blanks and hyphens between them; null for anything else. */
export function pinDigits(text: string): string | null {
  if (text.length > 64) return null;
  const digits = text.replaceAll(/[ -]/g, '');
  return /^\d{6,12}$/.test(digits) ? digits : null;
}
