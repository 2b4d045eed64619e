// Pausing everything is a field of the configuration. The dashboard and kubectl's plugin write it the same way: here is
// decided what, there it is sent.
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { isMap, parseDocument } from 'yaml';
import { configurationKey, configurationRef, parseConfiguration } from '../controller/configuration.ts';
import { CertError } from '../errors.ts';

/**
 * @param map the configuration as it was read just now; undefined: there is none
 * @throws CertError NotFound, MalformedYaml, BadConfiguration: of a file that it refuses the controller reads nothing
 */
export function pauseAllPatch(map: ConfigMap | undefined, paused: boolean): object | undefined {
  if (map === undefined) {
    const { namespace, name } = configurationRef;
    throw new CertError(
      'NotFound',
      `there is no ConfigMap ${name} in ${namespace}: is the product installed?`,
    );
  }
  const before = map.data?.[configurationKey] ?? '';
  const text = withPaused(before, paused);
  refuseUnread(text ?? before);
  if (text === undefined) return undefined;
  // With the version that was read: a change by others in between is refused, not undone.
  const { resourceVersion = '' } = map.metadata ?? {};
  return { metadata: { resourceVersion }, data: { [configurationKey]: text } };
}

/** The configuration's text with that one field changed, its comments kept; undefined: it says so already. */
export function withPaused(text: string, paused: boolean): string | undefined {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new CertError('MalformedYaml', `the configuration is no YAML, mend it first: ${problem.message}`);
  if (document.contents !== null && !isMap(document.contents))
    throw new CertError('MalformedYaml', 'the configuration has no fields by name: mend it first');
  if ((document.get('paused') ?? false) === paused) return undefined;
  document.set('paused', paused);
  return document.toString({ lineWidth: 0 });
}

/** The controller keeps its last good configuration while the file has a fault: nothing would be paused or resumed. */
function refuseUnread(text: string): void {
  try {
    parseConfiguration(text);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    const why = error.message.replaceAll(/\s*\n\s*/g, '; ');
    throw new CertError(
      error.code,
      `the controller refuses the configuration and would not read this: ${why}; mend it first, or pause single nodes`,
      { cause: error },
    );
  }
}
