// docs/scale.md, from the evidence alone. Pure.
import type { Year } from '../year.ts';
import { bars, judge } from './bars.ts';
import type { ScaleResult } from './evidence.ts';

export interface Evidence<T> {
  readonly commit: string;
  readonly date: string;
  readonly command: string;
  readonly machine: { readonly cpus: number; readonly model: string; readonly memoryGiB: number };
  readonly result: T;
}

const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 });
const dayOf = (date: string): string => date.slice(0, 10);

export function scaleDocument(scale: Evidence<ScaleResult>, year: Evidence<Year> | undefined): string {
  return `# At scale

Written by \`node scripts/documents.ts\` from the evidence. [How it is measured](../bench/README.md).

## The controller beside thousands of nodes

${table(scale)}

${judgement(scale)}

![how the figures grow with the nodes](pictures/scale.svg)

${words(scale)}

${year === undefined ? '' : yearSection(year)}
`;
}

const yearSection = (year: Evidence<Year>): string => `## A simulated year

![nodes rotated each day of a year, and how many at once](pictures/year-${year.result.nodes}.svg)

${yearWords(year)}`;

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function table({ result: { sizes } }: Evidence<ScaleResult>): string {
  const head = ['', ...sizes.map(({ nodes }) => `${number(nodes)} nodes`), 'bar'];
  const rows = [
    ['certificates', ...sizes.map(({ certificates }) => number(certificates)), ''],
    ...bars.flatMap(({ name, unit, of, limit, least, beside }) => [
      [`${name}, ${unit}`, ...sizes.map((size) => number(of(size))), `${least ? '≥' : '≤'} ${number(limit)}`],
      ...(beside === undefined
        ? []
        : [[`${beside.name}, ${unit}`, ...sizes.map((size) => number(beside.of(size))), '']]),
    ]),
    ['load of the machine meanwhile', ...sizes.map(({ load }) => number(load[1] ?? Number.NaN)), ''],
  ];
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** What does not hold is said here, and not left to who reads the table. */
function judgement({ result: { sizes } }: Evidence<ScaleResult>): string {
  const judged = judge(sizes);
  const broken = judged.filter(({ holds }) => !holds);
  if (broken.length === 0)
    return `All ${judged.length} bars hold, of each size and of the growth between them.`;
  const list = broken.map(({ bar, value, limit }) => `- ${bar}: ${number(value)}, and the bar is ${limit}`);
  return `${judged.length - broken.length} of ${judged.length} bars hold. These do not:\n\n${list.join('\n')}`;
}

function words({ machine, result }: Evidence<ScaleResult>): string {
  const largest = result.sizes.at(-1);
  const smallest = result.sizes[0];
  if (largest === undefined || smallest === undefined) return '';
  const { collection, steady, memory, scrape, page } = largest;
  const dates = [...new Set(result.sizes.map(({ date }) => dayOf(date)))].join(', ');
  return `${machine.cpus} cores for all of it, API server, etcd, kubelets and browser included; Kubernetes ${result.kubernetes}; ${dates}. A
load far above the number of cores means that others used the machine: the times, but not the writes and the memory, are
then longer than they need be.

**Seen.** What grows with the nodes is what must be read of each of them: the first collection, the memory, a decision, a
scrape. From ${number(smallest.nodes)} to ${number(largest.nodes)} nodes, ${number(largest.nodes / smallest.nodes)} times as many, the memory grew ${number(Math.round((10 * memory.most) / smallest.memory.most) / 10)} times
and the collection ${number(Math.round((10 * collection.seconds) / smallest.collection.seconds) / 10)} times. The writes of the collection do not grow: the controller begins no more than
about 22 a second, which is what makes it last ${number(Math.round(collection.seconds / 6) / 10)} minutes.

**The first seconds.** After a rest the controller may begin as much at once as makes 120 writes (forty scans), and what it had
begun is never held up: so a collection that lasts no minute may have more writes a second than the bar names, which is about a
minute. At ${number(smallest.nodes)} nodes it lasted ${number(smallest.collection.seconds)} s, ${number(smallest.collection.writesPerSecond)} writes a second; of a whole minute, what is planned in it included, these are ${number(smallest.collection.writesPerSecondInBusiestMinute)}.

**Writes over a day.** ${number(steady.writesPerScan)} writes for a scan (its Pod, the ConfigMap, the end of the Pod; more where a node has more to
say), times ${number(largest.nodes)} nodes, by 86,400 seconds, and ${number(steady.writesPerSecondIdle)} a second at rest: the Lease of the leader, every two seconds.
Rotations add to it, and are not in this figure.

**Scrape.** ${number(Math.round(scrape.bytes / 1e5) / 10)} MB: above 200 nodes each shows two certificates at most, the first to end of those that are renewed and
of the others ([metrics.md](metrics.md)).

**Dashboard.** The overview's own words are there after ${number(page.content)} ms; the web program held ${number(page.memory)} MiB at most.
${number(page.listeners.pages)} pages at once, as many as may follow, all told of a change and all asking for the list of nodes: the last had it
after ${number(page.listeners.seconds)} s, and the program held ${number(page.memoryWithListeners)} MiB at most.`;
}

function yearWords({ date, machine, result: year }: Evidence<Year>): string {
  const spread = Math.round((10 * year.perDay.most) / year.perDay.mean) / 10;
  return `${number(year.nodes)} nodes, a window of four hours each night, at most ${year.parallel.allowed} workers at once; ${dayOf(date)}, ${machine.cpus} cores. The decisions
are those of the product, ${number(year.passes)} passes of them, on a cluster of values.

**Seen.** ${number(year.rotations)} rotations in ${year.days} days, each kubelet about every 61 days. No certificate expired: each was renewed with
${year.leastDaysLeftAtRenewal} days left or more. Never more than ${year.parallel.mostAtOnce} at once. The busiest day had ${year.perDay.most}, ${spread} times the mean of ${year.perDay.mean}; the bar is 3
times. The work does not gather: who was renewed on one night is due again on one night, and the nights stay as they were
spread at first.`;
}
