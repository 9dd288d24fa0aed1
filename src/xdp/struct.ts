/** Structs as a C compiler lays them out: where each field is, and how long the whole is. */

/** Widths of fields, in bytes. */
export const U8 = 1;
export const U16 = 2;
export const U32 = 4;
export const U64 = 8;

/** A width, or that many fields of it in a row, or a struct in a struct. */
export type Field = number | readonly [width: number, count: number] | Struct<string>;

export interface Struct<Name extends string> {
  readonly bytes: number;
  /** The widest field, to a multiple of which it is aligned. */
  readonly alignment: number;
  /** Offset of each field, in bytes. */
  readonly at: Readonly<Record<Name, number>>;
}

export function struct<const Fields extends Readonly<Record<string, Field>>>(
  fields: Fields,
): Struct<Extract<keyof Fields, string>> {
  const at: Record<string, number> = {};
  let end = 0;
  let alignment = 1;
  for (const [name, field] of Object.entries<Field>(fields)) {
    const { width, bytes } = sizeOf(field);
    end = Math.ceil(end / width) * width;
    at[name] = end;
    end += bytes;
    alignment = Math.max(alignment, width);
  }
  return {
    bytes: Math.ceil(end / alignment) * alignment,
    alignment,
    at: at as Record<Extract<keyof Fields, string>, number>,
  };
}

function sizeOf(field: Field): { readonly width: number; readonly bytes: number } {
  if (typeof field === 'number') return { width: field, bytes: field };
  if ('alignment' in field) return { width: field.alignment, bytes: field.bytes };
  return { width: field[0], bytes: field[0] * field[1] };
}
