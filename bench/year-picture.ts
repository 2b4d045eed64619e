// The picture of a simulated year, drawn from its numbers: nodes rotated each day, and how many at once.

export interface Drawn {
  readonly nodes: number;
  readonly certificates: number;
  readonly days: number;
  readonly rotations: number;
  readonly expired: number;
  readonly leastDaysLeftAtRenewal: number;
  readonly parallel: { readonly allowed: number; readonly mostAtOnce: number };
  readonly perDay: { readonly mean: number; readonly most: number };
  readonly byDay: readonly number[];
  readonly mostAtOnceByDay: readonly number[];
}

const [width, left, right] = [1000, 56, 16];
const number = (value: number): string => value.toLocaleString('en');

export function yearPicture(year: Drawn): string {
  const { nodes, certificates, days, rotations, perDay, parallel, expired } = year;
  const subtitle =
    `${number(nodes)} nodes, ${number(certificates)} certificates, ${number(rotations)} rotations, ${expired} expired; ` +
    `renewed with ${year.leastDaysLeftAtRenewal} days left or more`;
  const perDayPlot = plot({
    top: 78,
    height: 202,
    title: `nodes rotated each day: mean ${perDay.mean}, most ${perDay.most}`,
    values: year.byDay,
    lines: [
      [perDay.mean, 'mean'],
      [3 * perDay.mean, '3 × mean'],
    ],
  });
  const atOncePlot = plot({
    top: 340,
    height: 90,
    title: `most at once: ${parallel.mostAtOnce} of ${parallel.allowed} allowed`,
    values: year.mostAtOnceByDay,
    lines: [[parallel.allowed, 'limit']],
  });
  const text = 'font-family="system-ui, sans-serif" fill="#24292f"';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 470" role="img" aria-label="${subtitle}">
<rect width="${width}" height="470" fill="#ffffff"/>
<text x="${left}" y="24" font-size="17" font-weight="600" ${text}>A simulated year</text>
<text x="${left}" y="44" font-size="13" ${text}>${subtitle}</text>
<g font-size="12" ${text}>
${perDayPlot}
${atOncePlot}
${axis(days, 450)}
</g>
</svg>
`;
}

interface Plot {
  readonly top: number;
  readonly height: number;
  readonly title: string;
  readonly values: readonly number[];
  readonly lines: readonly (readonly [number, string])[];
}

function plot({ top, height, title, values, lines }: Plot): string {
  const most = Math.max(1, ...values, ...lines.map(([value]) => value)) * 1.05;
  const inner = width - left - right;
  const step = inner / values.length;
  const y = (value: number): string => (top + height - (value / most) * height).toFixed(1);
  const bars = values.map((value, i) => {
    const x = (left + i * step).toFixed(2);
    return `M${x} ${top + height}V${y(value)}h${(step * 0.8).toFixed(2)}V${top + height}z`;
  });
  const marks = lines.map(
    ([value, name]) =>
      `<path d="M${left} ${y(value)}H${width - right}" stroke="#cf222e" stroke-dasharray="4 3"/>` +
      `<text x="${left - 6}" y="${y(value)}" text-anchor="end" dominant-baseline="middle" font-size="10">${name}</text>`,
  );
  return [
    `<text x="${left}" y="${top - 8}">${title}</text>`,
    `<path d="${bars.join('')}" fill="#1f6feb"/>`,
    `<path d="M${left} ${top + height}H${width - right}" stroke="#57606a"/>`,
    ...marks,
  ].join('\n');
}

function axis(days: number, y: number): string {
  const months = Array.from({ length: Math.floor(days / 30.4) + 1 }, (_, month) => month);
  return months
    .map((month) => {
      const x = left + ((width - left - right) * month * 30.4) / days;
      return `<text x="${x.toFixed(0)}" y="${y}" text-anchor="middle" font-size="10">${month === 0 ? 'day 1' : Math.round(month * 30.4)}</text>`;
    })
    .join('\n');
}
