/** Text out of a docstring: what stands in backticks is code. */
export function Prose({ text }: { text: string }) {
  return <>{text.split(/`+/).map((part, n) => (n % 2 === 1 ? <code>{part}</code> : part))}</>;
}
