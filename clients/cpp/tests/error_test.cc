#include "endcap/error.h"

#include <gtest/gtest.h>

#include "details.pb.h"

namespace {

using endcap::Error;
using std::chrono::milliseconds;

template <typename Message>
void Pack(const Message& message, endcap::details::Status* status) {
  auto* packed = status->add_details();
  packed->set_type_url("type.googleapis.com/google.rpc." + Message::descriptor()->name());
  packed->set_value(message.SerializeAsString());
}

grpc::Status Busy() {
  endcap::details::ErrorInfo info;
  info.set_reason("OVERLOADED");
  info.set_domain("endcap");
  (*info.mutable_metadata())["limit"] = "3";
  endcap::details::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("page_size");
  violation->set_description("is 999");
  endcap::details::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  endcap::details::Status status;
  Pack(info, &status);
  Pack(bad, &status);
  Pack(retry, &status);
  return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too busy", status.SerializeAsString());
}

TEST(Error, StandardDetailsBecomeReasonDomainMetadataFieldsAndDelay) {
  const Error error(Busy());
  EXPECT_EQ(error.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_STREQ(error.code_name(), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(error.message(), "too busy");
  EXPECT_EQ(error.reason(), "OVERLOADED");
  EXPECT_EQ(error.domain(), "endcap");
  EXPECT_EQ(error.metadata().at("limit"), "3");
  EXPECT_EQ(error.fields().at("page_size"), "is 999");
  EXPECT_EQ(error.retry_delay(), milliseconds(250));
  EXPECT_STREQ(error.what(), "RESOURCE_EXHAUSTED (OVERLOADED): too busy\n  page_size: is 999");
}

TEST(Error, AnErrorOfAProxyHasNoDetails) {
  const Error error(grpc::Status(grpc::StatusCode::UNAVAILABLE, ""));
  EXPECT_EQ(error.reason(), "");
  EXPECT_TRUE(error.fields().empty());
  EXPECT_EQ(error.retry_delay(), std::nullopt);
  EXPECT_STREQ(error.what(), "UNAVAILABLE: UNAVAILABLE");
}

TEST(Error, AConnectionClosedBeforeItStoodIsExplained) {
  const std::string said = "last error: UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed";
  const Error error(grpc::Status(grpc::StatusCode::UNAVAILABLE, said));
  EXPECT_EQ(error.message(), said + ", as a server does that expects TLS, or a client's certificate");
}

TEST(Error, DetailsThatCannotBeReadCountAsNone) {
  const Error error(grpc::Status(grpc::StatusCode::INTERNAL, "broken", "\xff\x01\x02"));
  EXPECT_EQ(error.message(), "broken");
  EXPECT_EQ(error.reason(), "");
}

TEST(Error, OneCallOfABatchSaysTheSame) {
  endcap::v1::CallError call;
  call.set_code(5);
  call.set_message("no strategy 'x'");
  call.set_reason("UNKNOWN_STRATEGY");
  auto* violation = call.add_violations();
  violation->set_field("strategy");
  violation->set_description("no such strategy");
  call.mutable_retry_delay()->set_seconds(2);
  const Error error(call);
  EXPECT_EQ(error.code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(error.reason(), "UNKNOWN_STRATEGY");
  EXPECT_EQ(error.fields().at("strategy"), "no such strategy");
  EXPECT_EQ(error.retry_delay(), milliseconds(2000));
}

TEST(Error, ACodeOfALaterVersionIsUnknown) {
  endcap::v1::CallError call;
  call.set_code(99);
  EXPECT_EQ(Error(call).code(), grpc::StatusCode::UNKNOWN);
}

TEST(Error, OnlyWhatMayPassIsTemporary) {
  EXPECT_TRUE(Error(Busy()).temporary());
  EXPECT_FALSE(Error(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone")).temporary());
}

}  // namespace
