// What goes to another machine by standard output: all of it, or the call has failed and says so.
import * as fs from 'node:fs';
import type { NodeRoot, Run } from './node-root.ts';
import { caOptions } from './node-root.ts';
import type { Results } from './results.ts';

const certificate = '/var/lib/kubelet/pki/kubelet.crt';
const requestFile = '/tmp/n1.req';
const asking = ['request', certificate];
const signing = ['sign', requestFile, '--yes', ...caOptions];
/** Standard output goes where there is no room. */
const ontoFull = ['sh', '-c', 'exec "$@" > /dev/full', 'sh'];

const onlyIf = (holds: boolean, problem: string): string[] => (holds ? [] : [problem]);

export function wholeOrFailed(node: NodeRoot, results: Results): void {
  node.reset();
  results.check('request and sign: what they print is taken', () => {
    const asked = node.run(asking);
    fs.writeFileSync(node.path(requestFile), asked.stdout);
    const signed = node.run(signing);
    return [
      ...whole('request', asked, /^-----END CERT RENEW REQUEST-----\n$/m),
      ...whole('sign', signed, /^-----END CERT RENEW RESPONSE-----\n$/m),
    ];
  });
  for (const words of [asking, [...asking, '--json'], signing, [...signing, '--json']])
    results.check(`${words[0]} ${words.at(-1)}: standard output has no room`, () => {
      const { status, stderr } = node.run(words, ontoFull);
      return [
        ...onlyIf(status === 1, `exit code ${status}`),
        ...onlyIf(/standard output cannot be written: ENOSPC\n/.test(stderr), `it says: ${stderr}`),
        ...onlyIf(
          /was not written whole; throw it away, and run this again/.test(stderr),
          `it says: ${stderr}`,
        ),
        ...onlyIf(!/^(signed|next: )/m.test(stderr), `it says what is next: ${stderr}`),
      ];
    });
}

const whole = (command: string, { status, stdout, stderr }: Run, end: RegExp): string[] => [
  ...onlyIf(status === 0, `${command} ended with ${status}: ${stderr}`),
  ...onlyIf(end.test(stdout), `${command} prints: ${stdout}`),
  ...onlyIf(/^next: /m.test(stderr), `${command} says: ${stderr}`),
];
