/** Small pictures beside words, which say the same; drawn here, so that nothing is fetched for them. */

const PATHS = {
  claw: 'M7 21c-4-3-5-9-2-13 1 3 2 5 5 6-1-4 0-9 4-11-1 4 0 7 2 9 0-2 1-4 3-5 1 6-2 12-8 14',
  nodes: 'M4 5h16v6H4zM4 13h16v6H4zM7.5 8h.01M7.5 16h.01',
  approvals: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4',
  queue: 'M4 6h16M4 12h16M4 18h10',
  pair: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2',
  devices: 'M3 5h13v10H3zM9.5 15v4M6 19h7M18 9h3v10h-4',
  audit: 'M6 3h9l4 4v14H6zM9 11h7M9 15h7',
  families: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
