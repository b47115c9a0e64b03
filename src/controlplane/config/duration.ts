/** Spans of time, as the configuration reads them: the forms are the core's, for guards read them too. */

export { durationExpected, durationWords, parseDuration } from '../../core/duration.ts';
