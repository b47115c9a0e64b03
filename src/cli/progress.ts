/** What happens to a running gateway, shown: as a screen, as plain lines, or as JSON. */

import type { AuditEvent } from '../core/audit/event.ts';
import type { GatewayEvent } from '../controlplane/config/running.ts';
import type { AccessShown, CliEvent } from './event.ts';
import { openScreen } from './live-screen.ts';
import type { Reporter } from './reporter.ts';
import { exchangesShown } from './screen.ts';
import type { ScreenState, Shown } from './screen.ts';
import type { Terminal } from './terminal.ts';

export type ProgressOptions = Readonly<{
  terminal: Terminal;
  reporter: Reporter;
  services: readonly Readonly<{ name: string; behind: string }>[];
  access: (service: string, url: string) => readonly AccessShown[];
  /** Whether it is reached at a port of the relay's own. */
  isRaw?: (service: string) => boolean;
  /** Whether it is a proxy. */
  isProxy?: (service: string) => boolean;
  /** How others than this machine reach what only this machine does: a command has flags for it, a configuration keys. */
  forOthers: string;
}>;

/** Said with every raw port, to whoever opens it. */
const rawHint = 'the relay can read what passes, unless the service encrypts it itself, as ssh does';

type Taken = GatewayEvent | Extract<CliEvent, { event: 'reloaded' }>;

export type Progress = Readonly<{ take: (event: Taken) => void; close: () => void }>;

export function showProgress(options: ProgressOptions): Progress {
  const { terminal, reporter } = options;
  if (!terminal.screen || reporter.json) {
    return {
      take: (event) => {
        // Scripts read requests with `logs -f --json`: here they would drown the rest.
        if (event.event === 'exchange' && reporter.json) return;
        reporter.say(told(event, options));
      },
      close: () => undefined,
    };
  }
  const screen = openScreen(terminal);
  let state: ScreenState = {
    services: options.services.map(({ name, behind }) => ({ name, behind, state: 'starting', ready: null, why: null })),
    warnings: [],
    exchanges: [],
  };
  screen.show(state);
  return {
    take: (event) => {
      state = next(state, told(event, options));
      screen.show(state);
    },
    close: () => {
      // The last frame stays in the terminal: it must be true.
      screen.show({ ...state, services: state.services.map((service) => ({ ...service, state: 'closed', why: null })) });
      screen.close();
    },
  };
}

/** The gateway knows no secrets of links: those who made them say who may come in. */
function told(event: Taken, { access, forOthers, isRaw, isProxy }: ProgressOptions): CliEvent {
  if (event.event !== 'ready') return event;
  const told = { ...event, access: access(event.service, event.url) };
  if (isRaw?.(event.service) === true) return { ...told, hint: rawHint, raw: true };
  const hint = event.reach === 'machine' ? forOthers : null;
  return isProxy?.(event.service) === true ? { ...told, hint, proxy: true } : { ...told, hint };
}

/** The state after an event. */
export function next(state: ScreenState, event: CliEvent): ScreenState {
  switch (event.event) {
    case 'ready':
      return withService(state, event.service, { state: 'ready', ready: event, why: null });
    case 'waiting':
      return withService(state, event.service, { state: 'waiting', why: event.hint === null ? event.why : `${event.why}. ${event.hint}` });
    case 'lost':
      return withService(state, event.service, { state: 'waiting', why: event.why });
    case 'opened':
      return withService(state, event.service, { state: 'ready', why: null });
    case 'closed':
      return withService(state, event.service, { state: 'closed', why: event.why });
    case 'backend':
      return withBackend(state, event);
    case 'warning':
    case 'error':
      return { ...state, warnings: [...state.warnings.filter(({ message }) => message !== event.message), event].slice(-3) };
    case 'reloaded':
      // What was wrong with the configuration is wrong no more.
      return { ...state, warnings: state.warnings.filter(({ code }) => !code.startsWith('config-') && code !== 'user-missing') };
    case 'exchange':
      return {
        ...state,
        // Somebody answers: that nobody listens is true no more.
        warnings: answered(event.record) ? state.warnings.filter(({ code }) => code !== 'upstream-refused') : state.warnings,
        exchanges: [...state.exchanges, event.record].slice(-exchangesShown),
      };
    default:
      return state;
  }
}

/** Shown for as long as it is away. */
function withBackend(state: ScreenState, { service, backend, state: stands, why }: Extract<CliEvent, { event: 'backend' }>): ScreenState {
  const code = `backend ${service} ${backend}`;
  const others = state.warnings.filter((warning) => warning.code !== code);
  if (stands === 'up') return { ...state, warnings: others };
  return { ...state, warnings: [...others, { code, message: `${backend} is away: ${why ?? ''}`, hint: null }].slice(-3) };
}

function answered({ verdict, code, status }: AuditEvent): boolean {
  return verdict === 'pass' && code === null && status !== null;
}

/** A service that a new configuration brought is added, one that it took away goes. */
function withService(state: ScreenState, name: string, change: Partial<Shown>): ScreenState {
  if (change.why === 'removed') return { ...state, services: state.services.filter((service) => service.name !== name) };
  const known = state.services.some((service) => service.name === name);
  const services: readonly Shown[] = known
    ? state.services
    : [...state.services, { name, behind: name, state: 'starting', ready: null, why: null }];
  return { ...state, services: services.map((service) => (service.name === name ? { ...service, ...change } : service)) };
}
