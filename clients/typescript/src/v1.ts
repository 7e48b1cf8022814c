/** The messages, enums and services of endcap.v1. */

export * from "./gen/endcap/v1/admin_pb.js";
export * from "./gen/endcap/v1/catalog_pb.js";
export * from "./gen/endcap/v1/common_pb.js";
export * from "./gen/endcap/v1/events_pb.js";
export * from "./gen/endcap/v1/ranking_pb.js";
