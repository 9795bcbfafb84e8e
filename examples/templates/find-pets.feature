# A call by the description of a service. The description is read when the template is published, so its
# address must answer then; this test says what stands there, and `windlass template test examples/templates`
# runs it without any service.
Feature: pets by an OpenAPI description

  Background:
    Given the document at https://petstore.example/swagger.yaml is:
      """yaml
      swagger: "2.0"
      host: petstore.example
      basePath: /v2
      schemes: [ https ]
      paths:
        /pet/findByStatus:
          get:
            operationId: findPetsByStatus
            produces: [ application/json ]
            parameters:
              - { name: status, in: query, required: true, type: array, items: { type: string }, collectionFormat: multi }
        /pet:
          put:
            operationId: updatePet
            consumes: [ application/json ]
            parameters: [ { name: pet, in: body, required: true } ]
      """
    And a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: examples, name: find-pets, version: '1.0.0' }
      do:
        # A list goes where the description says: here `status=pending` for each of them.
        - find:
            call: openapi
            with:
              document: { endpoint: https://petstore.example/swagger.yaml }
              operationId: findPetsByStatus
              parameters: { status: '${ .wanted // [ "pending" ] }' }
        # Swagger names the body; with OpenAPI 3 it is `body`.
        - keep:
            call: openapi
            with:
              document: { endpoint: https://petstore.example/swagger.yaml }
              operationId: updatePet
              parameters: { pet: '${ .[0] + { status: "sold" } }' }
            output: { as: '{ sold: .id }' }
      """

  Scenario: the first pet that waits is sold
    Given find answers:
      """yaml
      [ { id: 7, status: pending }, { id: 8, status: pending } ]
      """
    And keep answers:
      """yaml
      { id: 7, status: sold }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { sold: 7 }
      """
    And find should have been called with:
      """yaml
      { method: GET, url: 'https://petstore.example/v2/pet/findByStatus?status=pending', headers: { Accept: application/json } }
      """
    And keep should have been called with:
      """yaml
      { method: PUT, url: 'https://petstore.example/v2/pet', headers: { Content-Type: application/json }, body: { id: 7, status: sold } }
      """
