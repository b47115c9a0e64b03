/** How our own pages look: one calm design, light and dark, without script, under a strict policy. */

/** The colours of one scheme, by name. `deed` is what can be done: buttons and links. */
export type Palette = Readonly<Record<'ink' | 'soft' | 'line' | 'paper' | 'ground' | 'deed' | 'deed-ink' | 'fault', string>>;

/** A test computes that every text of them is readable (WCAG 2.2, 1.4.3), and every edge of a field can be seen (1.4.11). */
export const palettes: Readonly<Record<'light' | 'dark', Palette>> = {
  light: {
    ink: '#1d2733',
    soft: '#566173',
    line: '#d5dbe3',
    paper: '#ffffff',
    ground: '#f3f5f8',
    deed: '#1f5fbf',
    'deed-ink': '#ffffff',
    fault: '#a32222',
  },
  dark: {
    ink: '#e6eaf0',
    soft: '#a3aebd',
    line: '#36404d',
    paper: '#1b222b',
    ground: '#12171d',
    deed: '#7fb0ff',
    'deed-ink': '#0b1420',
    fault: '#ff9d9d',
  },
};

/** Declarations of some colours. */
export function declared(colours: Partial<Palette>): string {
  return Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';');
}

/** One line without a break, so that its hash in the policy is easy to make again (a test does). */
export const pageStyle =
  `:root{color-scheme:light dark;${declared(palettes.light)}}` +
  `@media(prefers-color-scheme:dark){:root{${declared(palettes.dark)}}}` +
  '*{box-sizing:border-box}html{-webkit-text-size-adjust:100%;text-size-adjust:100%}' +
  'body{margin:0;min-height:100vh;min-height:100dvh;display:grid;grid-template-columns:minmax(0,26rem);place-content:center;padding:1rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}' +
  'main{padding:clamp(1.25rem,6vw,2rem);background:var(--paper);border:1px solid var(--line);border-radius:.75rem}' +
  'h1{margin:0 0 .75rem;font-size:1.35rem;line-height:1.25;hyphens:auto}h1,h2,p,li,label,button,code{overflow-wrap:anywhere}' +
  'p{margin:0 0 1rem}ul,ol{margin:0 0 1rem;padding-left:1.4rem}li{padding:.2rem 0}.bare{padding:0;list-style:none}main>:last-child{margin-bottom:0}.soft{color:var(--soft);font-size:.9rem}.fault{color:var(--fault);font-weight:600}' +
  '.brand{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .75rem;margin:0 0 1.25rem;color:var(--soft);font-weight:600}.brand img{max-width:100%;height:2.5rem;object-fit:contain}' +
  'h2{margin:1.75rem 0 .5rem;font-size:1.1rem;line-height:1.3;hyphens:auto}hr{margin:1.5rem 0;border:0;border-top:1px solid var(--line)}blockquote{margin:0 0 1rem;padding-left:.9rem;border-left:3px solid var(--line)}' +
  'code{padding:.1em .3em;font:.875em/1.6 ui-monospace,monospace;background:var(--ground);border-radius:.25rem;-webkit-box-decoration-break:clone;box-decoration-break:clone}.wide{grid-template-columns:minmax(0,44rem)}' +
  'form{margin:1.25rem 0}form+form{margin-top:-.5rem}label{display:block;margin:0 0 .25rem;font-size:.9rem;font-weight:600}' +
  'input:not([type=hidden]){width:100%;min-height:2.75rem;margin:0 0 1rem;padding:.5rem .7rem;font:inherit;color:inherit;background:var(--ground);border:1px solid var(--soft);border-radius:.4rem}' +
  'input[inputmode=numeric]{letter-spacing:.15em;font-variant-numeric:tabular-nums}' +
  'input[type=checkbox],input[type=radio]{width:auto;min-height:0;accent-color:var(--deed)}' +
  'button{width:100%;min-height:2.75rem;padding:.5rem .7rem;font:inherit;font-weight:600;color:var(--deed-ink);background:var(--deed);border:1px solid transparent;border-radius:.4rem;cursor:pointer}' +
  'button:hover{text-decoration:underline}@media(min-width:40rem){.wide button{width:auto;padding-inline:1.5rem}}button.quiet{color:var(--deed);background:transparent;border-color:var(--soft)}' +
  'a{color:var(--deed)}:focus-visible{outline:3px solid var(--deed);outline-offset:2px}';

/** SHA-256 of `pageStyle`, base64: the only style that the policy lets in (CSP 3, 8.4), beside that of a theme. */
export const pageStyleHash = 'WRyobRmHHmgZ26uQuPbDO1FXWIYM9H7+KaCDQRwM/38=';
