/** Tabs: one stop of the Tab key; arrow keys, Home and End choose another. */

interface TabsProps<T extends string> {
  readonly names: readonly T[];
  readonly chosen: T;
  /** What they are tabs of. */
  readonly label: string;
  /** The id of the panel that they change. */
  readonly panel: string;
  readonly class: string;
  readonly titleOf: (name: T) => string;
  /** Where each leads to by itself, so that it can be opened in another window. */
  readonly linkOf?: (name: T) => string;
  readonly onChoose: (name: T) => void;
}

const STEPS: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

export function Tabs<T extends string>(props: TabsProps<T>) {
  const { names, chosen, label, panel, titleOf, linkOf, onChoose } = props;
  const move = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    const at = STEPS[event.key]?.(names.indexOf(chosen), names.length);
    const next = at === undefined ? undefined : names[at];
    if (at === undefined || next === undefined) return;
    event.preventDefault();
    onChoose(next);
    event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[at]?.focus();
  };
  return (
    <div class={props.class} role="tablist" aria-label={label} onKeyDown={move}>
      {names.map((name) => {
        const tab = {
          id: `${panel}-${name}`,
          role: "tab",
          "aria-selected": name === chosen,
          "aria-controls": panel,
          tabIndex: name === chosen ? 0 : -1,
        } as const;
        if (linkOf === undefined) {
          return (
            <button key={name} type="button" {...tab} onClick={() => onChoose(name)}>
              {titleOf(name)}
            </button>
          );
        }
        return (
          <a
            key={name}
            {...tab}
            href={linkOf(name)}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              onChoose(name);
            }}
          >
            {titleOf(name)}
          </a>
        );
      })}
    </div>
  );
}
