#include "endcap/client.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>

#include "channel.h"

namespace {

using endcap::BatchAnswer;
using endcap::Client;
using endcap::Error;
using std::chrono::milliseconds;
namespace v1 = endcap::v1;

constexpr milliseconds kLong{20'000};

// A server on the loopback interface whose first calls of Rank fail, or are not answered while the caller waits.
class Fake final : public v1::RankingService::Service {
 public:
  Fake(int failures, grpc::Status failure) : failures_(failures), failure_(std::move(failure)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Fake() override { Stop(); }

  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }
  std::string target() const { return "dns:///127.0.0.1:" + std::to_string(port_); }
  int attempts() const { return attempts_; }
  // Waits for the end of a batch; whether the caller cancelled it.
  bool batch_cancelled() { return cancelled_.get_future().get(); }

  grpc::Status Rank(grpc::ServerContext* context, const v1::RankRequest* request, v1::RankResponse* response) override {
    response->set_request_id(request->request_id());
    if (++attempts_ > failures_) return grpc::Status::OK;
    while (failure_.ok() && !context->IsCancelled()) std::this_thread::yield();
    return failure_;
  }

  // Answers each request; those without a user by an error.
  grpc::Status BatchRank(grpc::ServerContext* context,
                         grpc::ServerReaderWriter<v1::BatchRankResponse, v1::BatchRankRequest>* stream) override {
    v1::BatchRankRequest request;
    for (int index = 0; stream->Read(&request); ++index) {
      v1::BatchRankResponse answer;
      answer.set_index(index);
      answer.set_request_id(request.request().request_id());
      if (request.request().user_id().empty()) {
        answer.mutable_error()->set_code(3);
        answer.mutable_error()->set_reason("NOTHING_TO_RANK");
      } else {
        answer.mutable_response()->set_request_id(request.request().request_id());
      }
      stream->Write(answer);
    }
    cancelled_.set_value(context->IsCancelled());
    return grpc::Status::OK;
  }

 private:
  const int failures_;
  const grpc::Status failure_;
  int port_ = 0;
  std::atomic<int> attempts_ = 0;
  std::promise<bool> cancelled_;
  std::unique_ptr<grpc::Server> server_;
};

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "away");

v1::RankRequest Request(const std::string& user, const std::string& id) {
  v1::RankRequest request;
  request.set_user_id(user);
  request.set_request_id(id);
  return request;
}

// What the call throws; the test fails where it throws nothing.
template <typename Call>
Error Thrown(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an endcap::Error";
  return Error(grpc::Status());
}

TEST(Client, TheServiceConfigIsTheSharedFile) {
  std::ostringstream shared;
  shared << std::ifstream(SERVICE_CONFIG_FILE).rdbuf();
  EXPECT_EQ(endcap::ServiceConfig(), shared.str());
}

TEST(Client, ACallIsTriedAgainWhileTheServerIsAway) {
  const Fake server(2, kAway);
  EXPECT_EQ(Client(server.target()).Rank(Request("u1", "r1"), kLong).request_id(), "r1");
  EXPECT_EQ(server.attempts(), 3);
}

TEST(Client, TheFourthAttemptIsTheLast) {
  const Fake server(9, kAway);
  const Client client(server.target());
  const Error error = Thrown([&] { client.Rank(Request("u1", "r1"), kLong); });
  EXPECT_EQ(error.code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(server.attempts(), 4);
}

TEST(Client, AWrongRequestIsNotTriedAgain) {
  const Fake server(9, grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "page_size: is 999"));
  const Client client(server.target());
  EXPECT_EQ(Thrown([&] { client.Rank(Request("u1", "r1"), kLong); }).message(), "page_size: is 999");
  EXPECT_EQ(server.attempts(), 1);
}

TEST(Client, TheDeadlineEndsACallThatIsNotAnswered) {
  const Fake server(9, grpc::Status::OK);
  endcap::Options options;
  options.timeout = milliseconds(200);
  const Client client(server.target(), options);
  const Error error = Thrown([&] { client.Rank(Request("u1", "r1")); });
  EXPECT_EQ(error.code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(error.temporary());
}

TEST(Client, APortWithNobodyBehindItIsUnavailableBeforeTheDeadline) {
  Fake server(0, kAway);
  server.Stop();
  const Client client(server.target());
  EXPECT_EQ(Thrown([&] { client.Rank(Request("u1", "r1"), kLong); }).code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(Client, EachRequestOfABatchHasAnAnswerOrAnError) {
  const Fake server(0, kAway);
  std::vector<BatchAnswer> answers;
  Client(server.target())
      .BatchRank({Request("u1", "a"), Request("", "b")}, [&](BatchAnswer answer) { answers.push_back(answer); }, kLong);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].response().request_id(), "a");
  EXPECT_FALSE(answers[0].error().has_value());
  EXPECT_EQ(answers[1].index(), 1);
  EXPECT_EQ(Thrown([&] { answers[1].response(); }).reason(), "NOTHING_TO_RANK");
}

TEST(Client, WhatTheCallerThrowsEndsTheBatchAtTheServer) {
  Fake server(0, kAway);
  const Client client(server.target());
  const std::vector<v1::RankRequest> many(100'000, Request("u1", "a"));
  EXPECT_THROW(client.BatchRank(many, [](const BatchAnswer&) { throw std::logic_error("enough"); }, kLong),
               std::logic_error);
  EXPECT_TRUE(server.batch_cancelled());
}

TEST(Client, APemFileThatIsMissingIsNamed) {
  endcap::Options options;
  options.tls = endcap::Tls{"/nowhere/ca.pem", "", "", ""};
  try {
    Client("localhost:1", options);
    FAIL() << "expected an error";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "cannot read the PEM file /nowhere/ca.pem: No such file or directory");
  }
}

TEST(Client, ACertificateWithoutItsKeyIsRefused) {
  endcap::Options options;
  options.tls = endcap::Tls{"", "client.pem", "", ""};
  EXPECT_THROW(Client("localhost:1", options), std::invalid_argument);
}

}  // namespace
