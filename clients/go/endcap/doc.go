// Package endcap is the Go client of Endcap, a gRPC ranking service for shops.
//
//	client, err := endcap.Dial("localhost:50051")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	slate, err := client.Rank(ctx, &endcapv1.RankRequest{UserId: "1234", PageSize: 5})
//
// The messages are those of endcap/clients/go/endcapv1. Every call can return an *Error; errors.As finds it.
package endcap
