Feature: calls by a description of the service

  Scenario: parameters find their places
    Given the document at https://docs.example/petstore.yaml is:
      """yaml
      swagger: "2.0"
      host: petstore.example
      basePath: /v2
      schemes: [ https ]
      paths:
        /pet/{petId}:
          get:
            operationId: getPetById
            parameters: [ { name: petId, in: path, required: true, type: integer } ]
        /pet/findByStatus:
          get:
            operationId: findPetsByStatus
            parameters: [ { name: status, in: query, required: true, type: array, collectionFormat: multi } ]
      """
    And a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      do:
        - find:
            call: openapi
            with:
              document: { endpoint: https://docs.example/petstore.yaml }
              operationId: findPetsByStatus
              parameters: { status: '${ .wanted }' }
        - ask:
            call: openapi
            with:
              document: { endpoint: { uri: https://docs.example/petstore.yaml } }
              operationId: getPetById
              parameters: { petId: '${ .[0].id }' }
              output: response
      """
    And given the workflow input is:
      """yaml
      { wanted: [ sold, pending ] }
      """
    And find answers:
      """yaml
      [ { id: 7 } ]
      """
    And ask answers:
      """yaml
      { statusCode: 200 }
      """
    When the workflow is executed
    And the engine restarts
    Then find should have been called with:
      """yaml
      { method: GET, url: 'https://petstore.example/v2/pet/findByStatus?status=sold&status=pending' }
      """
    And ask should have been called with:
      """yaml
      { method: GET, url: 'https://petstore.example/v2/pet/7' }
      """
    And the workflow should complete with output:
      """yaml
      { statusCode: 200 }
      """

  Scenario: an expression that gives nothing for a required parameter
    Given the document at https://docs.example/petstore.yaml is:
      """yaml
      openapi: 3.0.3
      paths:
        /pet: { get: { operationId: getPet, parameters: [ { name: id, in: query, required: true } ] } }
      """
    And a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      do:
        - ask:
            call: openapi
            with:
              document: { endpoint: https://docs.example/petstore.yaml }
              operationId: getPet
              parameters: { id: '${ .id }' }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/validation, status: 400, instance: /do/0/ask }
      """

  Scenario: a parameter that the operation does not have
    Given the document at https://docs.example/petstore.yaml is:
      """yaml
      openapi: 3.0.3
      paths: { /pet: { get: { operationId: getPet } } }
      """
    And a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      do:
        - ask:
            call: openapi
            with:
              document: { endpoint: https://docs.example/petstore.yaml }
              operationId: getPet
              parameters: { id: 7 }
      """
    Then the workflow should be refused with 'openapi.unknown_parameter'

  Scenario: nobody said what stands there
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      input: { schema: { resource: { endpoint: https://docs.example/order.json } } }
      do: []
      """
    Then the workflow should be refused with 'resource.unread'

  Scenario: a schema that stands elsewhere
    Given the document at https://docs.example/order.json is:
      """json
      { "$id": "https://docs.example/order.json", "required": [ "sku" ], "properties": { "sku": { "$ref": "#/$defs/sku" } },
        "$defs": { "sku": { "type": "string" } } }
      """
    And a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      input: { schema: { resource: { name: order, endpoint: https://docs.example/order.json } } }
      do: []
      """
    And given the workflow input is:
      """yaml
      { sku: 7 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/validation, status: 400 }
      """

  Scenario: a schema from elsewhere that refers elsewhere
    Given the document at https://docs.example/order.json is:
      """json
      { "$ref": "https://docs.example/other.json" }
      """
    And a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      do: [ { a: { set: { x: 1 }, output: { schema: { resource: { endpoint: https://docs.example/order.json } } } } } ]
      """
    Then the workflow should be refused with 'schema.invalid'
