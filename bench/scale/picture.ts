// How the figures grow with the nodes: a small plot for each bar, drawn from the evidence.
import { bars, type Bar } from './bars.ts';
import type { Measured } from './measure.ts';

const columns = 3;
const [width, height] = [320, 190];
const inner = { left: 52, top: 44, width: 250, height: 112 };
const text = 'font-family="system-ui, sans-serif" fill="#24292f"';
const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 });

export function scalePicture(sizes: readonly Measured[]): string {
  const rows = Math.ceil(bars.length / columns);
  const total = { width: columns * width, height: rows * height + 40 };
  const title = `The controller at ${sizes.map(({ nodes }) => number(nodes)).join(', ')} nodes`;
  const plots = bars.map((bar, i) => {
    const at = `${(i % columns) * width} ${Math.floor(i / columns) * height + 34}`;
    return `<g transform="translate(${at})">\n${plot(bar, sizes)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" role="img" aria-label="${title}">
<rect width="${total.width}" height="${total.height}" fill="#ffffff"/>
<text x="16" y="24" font-size="17" font-weight="600" ${text}>${title}</text>
<g font-size="11" ${text}>
${plots.join('\n')}
</g>
</svg>
`;
}

function plot(bar: Bar, sizes: readonly Measured[]): string {
  const points = sizes.map((size) => [size.nodes, bar.of(size)] as const);
  const mostNodes = Math.max(...points.map(([nodes]) => nodes));
  const most = (Math.max(bar.limit, ...points.map(([, value]) => value)) || 1) * 1.1;
  const x = (nodes: number): number => inner.left + (nodes / mostNodes) * inner.width;
  const y = (value: number): number => inner.top + inner.height - (value / most) * inner.height;
  const at = (nodes: number, value: number): string => `${x(nodes).toFixed(1)} ${y(value).toFixed(1)}`;
  const right = inner.left + inner.width;
  const bottom = inner.top + inner.height;
  const last = points.at(-1) ?? [0, 0];
  return [
    `<text x="16" y="18" font-weight="600">${bar.name}</text>`,
    `<text x="16" y="33" fill="#57606a">${bar.unit}; at ${number(last[0])} nodes ${number(last[1])}</text>`,
    `<path d="M${inner.left} ${inner.top}V${bottom}H${right}" fill="none" stroke="#57606a"/>`,
    `<path d="M${inner.left} ${y(bar.limit).toFixed(1)}H${right}" stroke="#cf222e" stroke-dasharray="4 3"/>`,
    `<text x="${inner.left - 4}" y="${(y(bar.limit) + 4).toFixed(1)}" text-anchor="end">${bar.least ? '≥' : '≤'} ${number(bar.limit)}</text>`,
    `<path d="M${points.map(([nodes, value]) => at(nodes, value)).join('L')}" fill="none" stroke="#1f6feb" stroke-width="2"/>`,
    ...points.map(([nodes, value]) => {
      const [cx, cy] = at(nodes, value).split(' ');
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="#1f6feb"/>`;
    }),
    ...points
      .filter(([nodes]) => nodes >= mostNodes / 10)
      .map(
        ([nodes]) =>
          `<text x="${x(nodes).toFixed(1)}" y="${bottom + 15}" text-anchor="middle">${number(nodes)}</text>`,
      ),
  ].join('\n');
}
