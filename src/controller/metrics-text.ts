// The text that Prometheus reads (exposition format 0.0.4) of metrics whose series change with every look. prom-client
// would build each series anew and take ten times as long for 5,000 nodes.
import { onceFor } from '../once.ts';
import type { MetricRow, Sample } from './metrics-table.ts';

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '"': '\\"' };

/** Metrics about the same certificate share its labels. */
const labelText = onceFor((labels: Sample[0]): string => {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll(/[\\\n"]/g, (one) => escapes[one] ?? one)}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
});

/** Characters: thousands of series at once would be megabytes of text, several times over. */
const pieceLength = 65_536;

/** All of one gauge, in pieces; help and type alone where it has no samples. */
export function* gaugePieces({ name, help }: MetricRow, samples: Iterable<Sample>): Generator<string> {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
  for (const [labels, value] of samples) {
    text += `${name}${labelText(labels)} ${value}\n`;
    if (text.length < pieceLength) continue;
    yield text;
    text = '';
  }
  yield text;
}
