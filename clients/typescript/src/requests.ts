/** What goes into a request. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { EventSchema } from "./gen/endcap/v1/common_pb.js";
import type { RankRequestSchema } from "./gen/endcap/v1/ranking_pb.js";

/** What to rank for, as a plain object of the fields of RankRequest, which has the limits. */
export type RankRequestInit = MessageInitShape<typeof RankRequestSchema>;

/** Say what the shopper did with an item: `time` defaults to now, `quantity` to 1. */
export function event(
  itemId: string,
  eventType = "",
  { time, value = 0, quantity = 0 }: { time?: Date; value?: number; quantity?: number } = {},
): MessageInitShape<typeof EventSchema> {
  return { itemId, eventType, value, quantity, ...(time === undefined ? {} : { time: timestampFromDate(time) }) };
}
