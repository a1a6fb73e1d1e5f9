import type { JSX } from 'preact';

export interface FilterFieldProps {
  /** For who cannot see where it stands. */
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly set: (value: string) => void;
}

/** Which rows of a table are shown. */
export function FilterField({ label, placeholder, value, set }: FilterFieldProps): JSX.Element {
  return (
    <label class="filter">
      <span class="hidden">{label}</span>
      <input
        type="search"
        placeholder={placeholder}
        value={value}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </label>
  );
}
