// The C++ client of Endcap.
//
//   endcap::Client client("localhost:50051");
//   endcap::v1::RankRequest request;
//   request.set_user_id("1234");
//   for (const auto& item : client.Rank(request).items()) std::cout << item.title() << "\n";
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "endcap/error.h"
#include "endcap/v1/admin.grpc.pb.h"
#include "endcap/v1/ranking.grpc.pb.h"

namespace endcap {

using std::chrono::milliseconds;

// Where a server listens that was started without saying where.
inline constexpr char kDefaultTarget[] = "localhost:50051";

// Whom to trust and who to be on a TLS connection. Paths are those of PEM files; empty means: not said.
struct Tls {
  // The certificates to trust. Default: the system's.
  std::string ca;
  // The client's own certificate chain and its private key, for mTLS.
  std::string certificate;
  std::string key;
  // The name that the server's certificate must have. Default: the host of the target.
  std::string server_name;
};

// How a client behaves.
struct Options {
  // How long one call may take, retries included.
  milliseconds timeout{2'000};
  // How long one batch may take.
  milliseconds batch_timeout{60'000};
  // Set: with TLS.
  std::optional<Tls> tls;
  // Changes the channel after the client's own settings, and so wins over them.
  std::function<void(grpc::ChannelArguments&)> channel;
};

// The answer to one request of a batch.
class BatchAnswer {
 public:
  explicit BatchAnswer(v1::BatchRankResponse message) : message_(std::move(message)) {}

  // The request's place in the batch, from 0.
  std::int64_t index() const { return message_.index(); }
  // The request's id.
  const std::string& request_id() const { return message_.request_id(); }
  // Why there is no slate; nothing when there is one.
  std::optional<Error> error() const;
  // The slate; throws the error.
  const v1::RankResponse& response() const;
  // The answer as it came.
  const v1::BatchRankResponse& message() const { return message_; }

 private:
  v1::BatchRankResponse message_;
};

// Calls a server and waits for its answers. Safe to share between threads; make one and keep it.
//
// It connects when it is first used. Every call can throw Error. What fails because a server is away or overloaded is
// tried again inside the deadline, by the policy that all of Endcap's clients share. `timeout` wins over the options'.
class Client {
 public:
  // `target` is "host:port", or "dns:///name:port" for all hosts of a name. Throws std::runtime_error for a PEM file
  // that cannot be read.
  explicit Client(const std::string& target = kDefaultTarget, Options options = {});

  // Returns the slate for a request.
  v1::RankResponse Rank(const v1::RankRequest& request, std::optional<milliseconds> timeout = {}) const;

  // Ranks for many requests in one stream, and hands on each answer as it comes, in this thread and in any order.
  // A request that is wrong for the server has an answer with an error. What `answered` throws ends the batch.
  void BatchRank(const std::vector<v1::RankRequest>& requests, const std::function<void(BatchAnswer)>& answered,
                 std::optional<milliseconds> timeout = {}) const;

  // Returns the strategies that a request can name.
  v1::ListStrategiesResponse ListStrategies(std::optional<milliseconds> timeout = {}) const;

  // Returns what the server has loaded and how it is.
  v1::GetServingStateResponse GetServingState(std::optional<milliseconds> timeout = {}) const;

 private:
  Options options_;
  std::unique_ptr<v1::RankingService::Stub> ranking_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

}  // namespace endcap
